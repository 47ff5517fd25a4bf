//! What an offer and its answer say of pictures: which section shows what, with which sources, payload types and header
//! extensions (RFC 8829, RFC 5576, RFC 8853). The library writes and applies descriptions; it is not asked what they mean.

use rtc::interceptor::{RTPHeaderExtension, StreamInfo};
use rtc::sdp::extmap::{
    SDES_MID_URI, SDES_REPAIR_RTP_STREAM_ID_URI, SDES_RTP_STREAM_ID_URI, TRANSPORT_CC_URI,
};

use super::also::Streams;
use super::description::{attribute, lines, sections};
use crate::transport::pictures::{Formats, Identifiers, Layout, Receives, Sends};
use crate::transport::video::{MAX_LAYERS, VideoConfig};
use crate::video::{ABSOLUTE_CAPTURE_TIME_URI, CLOCK_RATE, Codec, Content, PLAYOUT_DELAY_URI};

/// URI of the dependency descriptor (AV1 RTP specification, appendix A).
pub(super) const DEPENDENCY_URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// The sources of the layers of simulcast, and of their retransmissions.
pub(super) type Layers = [(u32, u32); MAX_LAYERS];

/// Reads our description and the peer's, one of which is the answer to the other. `meeting` is whether our offer was
/// one with slots.
pub(super) fn read(
    local: &str,
    remote: &str,
    we_answer: bool,
    meeting: bool,
    config: &VideoConfig,
    layers: &Layers,
) -> Layout {
    let (local, remote): (Vec<&str>, Vec<&str>) = (lines(local).collect(), lines(remote).collect());
    let answer = if we_answer { &local } else { &remote };
    let cameras = cameras(config, meeting);
    let mut layout = Layout {
        identifiers: identifiers(answer),
        sends: vec![None; config.layers + 1],
        receives: vec![None; cameras + 1],
    };
    let both: Vec<_> = sections(&local)
        .zip(sections(&remote))
        .filter(|(ours, _)| ours.first().is_some_and(|head| head.starts_with("m=video ")))
        .collect();
    let slides = |section: &[&str]| {
        attribute(section, "content").is_some_and(|content| content.split(',').any(|of| of == "slides"))
    };
    let marked = both.iter().any(|(ours, theirs)| slides(ours) || slides(theirs));
    // Of a call of two: what was seen of each content.
    let mut seen: Vec<Content> = Vec::new();
    for (index, (ours, theirs)) in both.iter().enumerate() {
        let slides = slides(ours) || slides(theirs);
        let content = match () {
            _ if meeting && (index == 1 || index == 2 + cameras) => Content::Screen,
            _ if meeting => Content::Camera,
            _ if slides || (!marked && index == 1) => Content::Screen,
            _ => Content::Camera,
        };
        if !meeting && seen.contains(&content) {
            continue;
        }
        seen.push(content);
        if refused(ours) || refused(theirs) {
            continue;
        }
        let found = formats(if we_answer { ours } else { theirs }, &config.codecs);
        let (we_send, we_receive) = flows(ours, theirs);
        if we_send && (!meeting || index < 2) {
            let screen = content == Content::Screen;
            for (layer, sends) in outgoing(ours, theirs, &found, &config.preferred(content), layers)
                .into_iter()
                .enumerate()
            {
                let at = if screen { config.layers } else { layer };
                if (screen && layer > 0) || at > config.layers || (!screen && at == config.layers) {
                    break;
                }
                layout.sends[at] = Some(sends);
            }
        }
        if we_receive && (!meeting || index >= 2) {
            let at = match content {
                Content::Screen => cameras,
                Content::Camera if meeting => index - 2,
                Content::Camera => 0,
            };
            let source = incoming(theirs, found);
            if let Some(place) = layout.receives.get_mut(at) {
                *place = Some(source);
            }
        }
    }
    layout
}

/// What the library is to number, report and count.
pub(super) fn streams(layout: &Layout) -> Streams {
    let extensions = (layout.identifiers.transport > 0).then(|| RTPHeaderExtension {
        uri: TRANSPORT_CC_URI.to_owned(),
        id: layout.identifiers.transport.into(),
    });
    let info = |ssrc: u32| StreamInfo {
        ssrc,
        clock_rate: CLOCK_RATE,
        rtp_header_extensions: extensions.iter().cloned().collect(),
        ..StreamInfo::default()
    };
    let sends = layout.sends.iter().flatten();
    let local = sends.flat_map(|sends| [Some(sends.ssrc), sends.rtx.map(|(ssrc, _)| ssrc)]);
    let receives = layout.receives.iter().flatten();
    let remote = receives.flat_map(|receives| [receives.ssrc, receives.rtx_ssrc]);
    Streams {
        local: local.flatten().map(info).collect(),
        remote: remote.flatten().map(info).collect(),
    }
}

/// Cameras that can be seen.
pub(super) fn cameras(config: &VideoConfig, meeting: bool) -> usize {
    if meeting { config.cameras } else { 1 }
}

/// Says in our description which sections show the screen (RFC 4796).
pub(super) fn with_contents(sdp: &str, config: &VideoConfig, meeting: bool) -> String {
    let cameras = cameras(config, meeting);
    let mut index = 0;
    let mut out = String::with_capacity(sdp.len() + 64);
    for line in lines(sdp) {
        out.push_str(line);
        out.push_str("\r\n");
        if line.starts_with("m=video ") {
            if index == 1 || (meeting && index == 2 + cameras) {
                out.push_str("a=content:slides\r\n");
            }
            index += 1;
        }
    }
    out
}

/// An offer without the formats of pictures that we have no use for: the library would answer with some that are only like
/// ours, and fail where there are none at all.
pub(super) fn with_usable(offer: &str, config: &VideoConfig) -> String {
    let lines: Vec<&str> = lines(offer).collect();
    let mut out = String::with_capacity(offer.len());
    for section in lines.chunk_by(|_, next| !next.starts_with("m=")) {
        let head = section.first().copied().unwrap_or_default();
        let is_offered = head.starts_with("m=video ") && !refused(section);
        let found = formats(section, &config.codecs);
        let directions = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];
        for line in section {
            match () {
                _ if !is_offered => out.push_str(line),
                () if found.codecs.is_empty() && directions.contains(line) => continue,
                () if !found.codecs.is_empty() && *line == head => {
                    let mut words = head.split(' ').enumerate().filter(|(at, word)| {
                        let known = |payload_type: u8| {
                            found
                                .codec(payload_type)
                                .or(found.repeats(payload_type))
                                .is_some()
                        };
                        *at < 3 || word.parse().is_ok_and(known)
                    });
                    out.push_str(words.next().map_or("", |(_, word)| word));
                    for (_, word) in words {
                        out.push(' ');
                        out.push_str(word);
                    }
                }
                () => out.push_str(line),
            }
            out.push_str("\r\n");
        }
        if is_offered && found.codecs.is_empty() {
            out.push_str("a=inactive\r\n");
        }
    }
    out
}

/// Port zero is a refusal (RFC 3264 section 6), except where the section is only offered together with another, whose port
/// it uses (RFC 9143 section 6).
fn refused(section: &[&str]) -> bool {
    let zero = section.first().is_none_or(|head| head.starts_with("m=video 0 "));
    zero && !section.contains(&"a=bundle-only")
}

/// Whether we send, and whether we receive.
fn flows(ours: &[&str], theirs: &[&str]) -> (bool, bool) {
    let flows = |section: &[&str]| {
        let is = |name: &str| section.contains(&name);
        let quiet = is("a=inactive");
        (!quiet && !is("a=recvonly"), !quiet && !is("a=sendonly"))
    };
    let ((we_send, we_receive), (they_send, they_receive)) = (flows(ours), flows(theirs));
    (we_send && they_receive, we_receive && they_send)
}

/// The streams that we announce in a section, by layer.
fn outgoing(
    ours: &[&str],
    theirs: &[&str],
    formats: &Formats,
    wanted: &[Codec],
    layers: &Layers,
) -> Vec<Sends> {
    let Some((codec, payload_type, rtx_type)) = formats.first(wanted) else {
        return Vec::new();
    };
    let stream = |(ssrc, rtx, names): (u32, Option<u32>, _)| Sends {
        codec,
        payload_type,
        ssrc,
        rtx: rtx.zip(rtx_type),
        names,
    };
    let groups = ours
        .iter()
        .filter_map(|line| line.strip_prefix("a=ssrc-group:FID ")?.split_once(' '));
    let groups: Vec<(u32, u32)> = groups
        .filter_map(|(of, rtx)| Some((of.parse().ok()?, rtx.trim().parse().ok()?)))
        .collect();
    let mut sources: Vec<u32> = Vec::new();
    for ssrc in ours
        .iter()
        .filter_map(|line| line.strip_prefix("a=ssrc:")?.split(' ').next()?.parse().ok())
    {
        if !sources.contains(&ssrc) && !groups.iter().any(|(_, rtx)| *rtx == ssrc) {
            sources.push(ssrc);
        }
    }
    let rids: Vec<&str> = ours
        .iter()
        .filter_map(|line| line.strip_prefix("a=rid:")?.strip_suffix(" send"))
        .collect();
    let mid = attribute(ours, "mid").unwrap_or_default();
    if rids.len() < 2 {
        let source = sources.first().map(|ssrc| {
            let rtx = groups.iter().find(|(of, _)| of == ssrc);
            (*ssrc, rtx.map(|(_, rtx)| *rtx), None)
        });
        return source.into_iter().map(stream).collect();
    }
    // With simulcast a description names layers and no sources (RFC 8853 section 6.2); who takes none gets the first
    // layer, which then is all there is.
    let simulcast = attribute(theirs, "simulcast").is_some();
    let rids = if simulcast { &rids[..] } else { &[""] };
    rids.iter()
        .zip(layers)
        .map(|(rid, (ssrc, rtx))| (*ssrc, Some(*rtx), Some((mid.to_owned(), (*rid).to_owned()))))
        .map(stream)
        .collect()
}

/// The stream that the peer announces in a section.
fn incoming(theirs: &[&str], formats: Formats) -> Receives {
    let ssrc = attribute(theirs, "ssrc").and_then(|ssrc| ssrc.split(' ').next()?.parse().ok());
    let groups = theirs
        .iter()
        .filter_map(|line| line.strip_prefix("a=ssrc-group:FID ")?.split_once(' '));
    let rtx = groups
        .filter_map(|(of, rtx)| Some((of.parse::<u32>().ok()?, rtx.trim().parse::<u32>().ok()?)))
        .find(|(of, _)| Some(*of) == ssrc);
    Receives {
        mid: attribute(theirs, "mid").unwrap_or_default().to_owned(),
        ssrc,
        rtx_ssrc: rtx.map(|(_, rtx)| rtx),
        formats,
    }
}

/// Those of a section, as far as they are `wanted`.
fn formats(section: &[&str], wanted: &[Codec]) -> Formats {
    let formats = section.first().and_then(|head| head.strip_prefix("m=video "));
    let mut out = Formats::default();
    let numbers = formats.into_iter().flat_map(|head| head.split(' ').skip(2));
    for payload_type in numbers.filter_map(|word| word.parse::<u8>().ok()) {
        let value = |name: &str| {
            section.iter().find_map(|line| {
                let (of, value) = line.strip_prefix(name)?.split_once(' ')?;
                (of.parse() == Ok(payload_type)).then_some(value.trim())
            })
        };
        let Some(map) = value("a=rtpmap:") else { continue };
        let parameters = value("a=fmtp:").unwrap_or("");
        if map.eq_ignore_ascii_case("rtx/90000") {
            if let Some(of) = parameter(parameters, "apt").and_then(|of| of.parse().ok()) {
                out.rtx.push((payload_type, of));
            }
        } else if let Some(codec) = codec(map, parameters)
            && wanted.contains(&codec)
            && !out.codecs.iter().any(|(_, known)| *known == codec)
        {
            out.codecs.push((payload_type, codec));
        }
    }
    out
}

fn identifiers(lines: &[&str]) -> Identifiers {
    let mut out = Identifiers::default();
    for section in sections(lines) {
        for line in section.iter().filter_map(|line| line.strip_prefix("a=extmap:")) {
            let mut words = line.split(' ');
            let id = words
                .next()
                .and_then(|id| id.split('/').next()?.parse::<u8>().ok());
            let Some(id) = id.filter(|id| (1..=14).contains(id)) else {
                continue;
            };
            match words.next().unwrap_or("") {
                SDES_MID_URI => out.mid = id,
                SDES_RTP_STREAM_ID_URI => out.rid = id,
                SDES_REPAIR_RTP_STREAM_ID_URI => out.repaired_rid = id,
                TRANSPORT_CC_URI => out.transport = id,
                ABSOLUTE_CAPTURE_TIME_URI => out.capture = id,
                DEPENDENCY_URI => out.dependency = id,
                PLAYOUT_DELAY_URI => out.playout = id,
                _ => {}
            }
        }
    }
    out
}

fn codec(map: &str, parameters: &str) -> Option<Codec> {
    let (name, rate) = map.split_once('/')?;
    let is = |name: &str, wanted: &str| parameter(parameters, name).is_none_or(|value| value == wanted);
    if rate != "90000" {
        return None;
    }
    match name.to_ascii_lowercase().as_str() {
        "vp8" => Some(Codec::Vp8),
        "vp9" if is("profile-id", "0") => Some(Codec::Vp9),
        "av1" if is("profile", "0") => Some(Codec::Av1),
        "h264"
            if parameter(parameters, "packetization-mode") == Some("1")
                && parameter(parameters, "profile-level-id")
                    .is_some_and(|profile| profile.to_ascii_lowercase().starts_with("42e0")) =>
        {
            Some(Codec::H264)
        }
        _ => None,
    }
}

/// A parameter out of `a=1;b=2`.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendrecv\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100\r\na=sendrecv\r\na=rtpmap:96 VP8/90000\r\n\
        a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 H264/90000\r\n\
        a=fmtp:98 packetization-mode=0;profile-level-id=42e01f\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n\
        a=rtpmap:100 H264/90000\r\na=fmtp:100 packetization-mode=1;profile-level-id=42E01F\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 101\r\na=sendrecv\r\na=rtpmap:101 H261/90000\r\n";

    fn config(codecs: &[Codec]) -> VideoConfig {
        VideoConfig {
            codecs: codecs.to_vec(),
            ..VideoConfig::default()
        }
    }

    #[test]
    fn an_offer_is_left_with_what_is_of_use() {
        let usable = with_usable(OFFER, &config(&[Codec::H264, Codec::Vp8]));
        assert!(
            usable.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendrecv\r\n"),
            "{usable}"
        );
        assert!(
            usable.contains("m=video 9 UDP/TLS/RTP/SAVPF 96 97 100\r\na=sendrecv\r\n"),
            "{usable}"
        );
        let (_, last) = usable.split_at(usable.rfind("m=video").unwrap());
        assert!(
            last.contains("a=inactive") && !last.contains("a=sendrecv"),
            "{last}"
        );
        let usable = with_usable(OFFER, &config(&[Codec::Vp8]));
        assert!(usable.contains("SAVPF 96 97\r\n"), "{usable}");
    }

    #[test]
    fn a_screen_is_known_by_its_mark_or_its_place() {
        let section = |mark: &str, ssrc: u32| {
            format!(
                "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{ssrc}\r\na=sendrecv\r\na=rtpmap:96 VP8/90000\r\n\
                 {mark}a=ssrc:{ssrc} cname:x\r\n"
            )
        };
        let read = |first: &str, second: &str| {
            let both = format!("v=0\r\n{}{}", section(first, 1), section(second, 2));
            let layout = super::read(
                &both,
                &both,
                true,
                false,
                &config(&[Codec::Vp8]),
                &Layers::default(),
            );
            let sources = layout
                .receives
                .iter()
                .map(|receives| receives.as_ref().and_then(|of| of.ssrc));
            sources.collect::<Vec<_>>()
        };
        assert_eq!(read("", ""), [Some(1), Some(2)]);
        assert_eq!(read("", "a=content:slides\r\n"), [Some(1), Some(2)]);
        assert_eq!(read("a=content:slides\r\n", ""), [Some(2), Some(1)]);
        let marked = with_contents(
            &format!("v=0\r\n{}{}", section("", 1), section("", 2)),
            &config(&[]),
            false,
        );
        let (camera, screen) = marked.split_at(marked.rfind("m=video").unwrap());
        assert!(
            !camera.contains("slides") && screen.contains("a=content:slides"),
            "{marked}"
        );
    }

    #[test]
    fn who_takes_no_simulcast_gets_one_layer() {
        let ours = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:4\r\na=sendonly\r\na=rid:q send\r\n\
            a=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n";
        let theirs = |simulcast: &str| {
            format!(
                "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:4\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\n\
                 a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n{simulcast}"
            )
        };
        let layers = [(1, 2), (3, 4), (5, 6)];
        let config = VideoConfig {
            layers: 3,
            ..config(&[Codec::Vp8])
        };
        let read = |simulcast: &str| {
            let layout = super::read(ours, &theirs(simulcast), false, true, &config, &layers);
            let sends = layout.sends.into_iter().flatten();
            let sends = sends.map(|sends| (sends.ssrc, sends.rtx, sends.names.map(|(_, rid)| rid)));
            sends.collect::<Vec<_>>()
        };
        let name = |rid: &str| Some(rid.to_owned());
        assert_eq!(
            read("a=simulcast:recv q;h;f\r\n"),
            [
                (1, Some((2, 97)), name("q")),
                (3, Some((4, 97)), name("h")),
                (5, Some((6, 97)), name("f"))
            ]
        );
        assert_eq!(read(""), [(1, Some((2, 97)), name(""))]);
    }
}
