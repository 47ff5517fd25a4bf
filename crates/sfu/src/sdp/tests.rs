//! Offers as browsers make them, and as nobody should.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;
use crate::link::{Credentials, Fingerprint};
use crate::room::Format;

const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 d\r\n";
const TRANSPORT: &str = "c=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=ice-ufrag:abcd\r\n\
    a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n\
    a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n";

/// A microphone, a camera in three layers, a screen, and a data channel, which we refuse.
fn offer() -> String {
    let audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9\r\na=mid:0\r\na=sendrecv\r\n\
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
        a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:200 urn:unknown\r\n\
        a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
        a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\na=ssrc:77 cname:x\r\n";
    let camera = "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 98 99 100\r\na=mid:1\r\na=sendonly\r\n\
        a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:* ccm fir\r\na=rtcp-fb:96 goog-remb\r\n\
        a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:102 H264/90000\r\n\
        a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f\r\na=rtpmap:103 H264/90000\r\n\
        a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:98 VP9/90000\r\n\
        a=fmtp:98 profile-id=2\r\na=rtpmap:99 VP9/90000\r\na=fmtp:99 profile-id=0\r\na=rtpmap:100 AV1/90000\r\n\
        a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;~h;f,g\r\n";
    let screen = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=sendonly\r\na=content:slides\r\na=rtpmap:96 VP8/90000\r\n\
        a=ssrc-group:FID 5 6\r\na=ssrc:5 cname:x\r\na=ssrc:6 cname:x\r\n";
    let data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n";
    format!("{HEAD}{audio}{TRANSPORT}{camera}{TRANSPORT}{screen}{TRANSPORT}{data}{TRANSPORT}")
}

#[test]
fn a_browsers_offer_is_read() {
    let offer = Offer::parse(&offer()).unwrap();
    assert_eq!(offer.remote.credentials.ufrag, "abcd");
    let [audio, camera, screen, data] = &offer.sections[..] else {
        panic!("{:?}", offer.sections);
    };
    let types = |section: &Section| {
        let codecs = section.codecs.iter();
        codecs
            .map(|codec| (codec.format, codec.payload_type, codec.rtx))
            .collect::<Vec<_>>()
    };
    assert_eq!(types(audio), [(Format::Opus, 111, None), (Format::Red, 63, None)]);
    assert_eq!((audio.ssrc, audio.kind), (Some(77), Kind::Audio));
    assert_eq!(audio.extensions, [(Extension::AudioLevel, 1)]);
    assert_eq!(
        types(camera),
        [
            (Format::Vp8, 96, Some(97)),
            (Format::H264, 103, None),
            (Format::Vp9, 99, None),
            (Format::Av1, 100, None)
        ]
    );
    assert_eq!(camera.layers, ["q", "h", "f"]);
    assert_eq!(
        camera.codecs[0].feedback,
        ["nack", "nack pli", "ccm fir", "goog-remb"]
    );
    assert!(screen.slides && !camera.slides);
    assert_eq!((screen.ssrc, screen.rtx_ssrc), (Some(5), Some(6)));
    assert_eq!(data.kind, Kind::Other);
}

#[test]
fn the_answer_says_what_we_do_with_each_section() {
    let offer = Offer::parse(&offer()).unwrap();
    let answers = [
        Answer {
            receives: true,
            sends: Some(1_000),
            rtx: None,
        },
        Answer {
            receives: true,
            ..Answer::default()
        },
        Answer::default(),
        Answer::default(),
    ];
    let transport = Transport {
        credentials: &Credentials::random(),
        fingerprint: Fingerprint([7; 32]),
        addresses: &[
            SocketAddr::from(([192, 0, 2, 1], 5_000)),
            "[2001:db8::1]:5000".parse().unwrap(),
        ],
    };
    let sdp = offer.answer(1, &transport, &answers);
    let sections: Vec<&str> = sdp.split("m=").collect();
    assert!(
        sections[0].contains("a=group:BUNDLE 0 1 2\r\na=ice-lite\r\n"),
        "{sdp}"
    );
    let has = |section: usize, lines: &[&str]| {
        for line in lines {
            assert!(
                sections[section].contains(&format!("{line}\r\n")),
                "{line} in {sdp}"
            );
        }
    };
    has(
        1,
        &[
            "audio 9 UDP/TLS/RTP/SAVPF 111 63",
            "a=sendrecv",
            "a=setup:passive",
            "a=fmtp:111 minptime=10;useinbandfec=1",
            "a=fmtp:63 111/111",
            "a=ssrc:1000 msid:slot-0 slot-0",
            "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
            "a=candidate:2 1 udp 2130706175 2001:db8::1 5000 typ host",
        ],
    );
    has(
        2,
        &[
            "a=recvonly",
            "a=simulcast:recv q;h;f",
            "a=rtcp-fb:96 nack pli",
            "a=fmtp:97 apt=96",
        ],
    );
    has(3, &["a=inactive", "a=mid:2"]);
    has(4, &["application 0 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:d"]);
    assert!(
        !sdp.contains("G722") && !sdp.contains("profile-id=2") && !sdp.contains("goog-remb"),
        "{sdp}"
    );
}

#[test]
fn what_cannot_be_answered_is_refused_with_the_reason() {
    let good = offer();
    let without = |line: &str| good.replace(line, "");
    let error = |sdp: &str| Offer::parse(sdp).unwrap_err();
    assert_eq!(error(""), OfferError::Malformed("does not begin with v=0"));
    assert_eq!(error("v=0\r\n"), OfferError::Malformed("no media section"));
    assert_eq!(
        error(&good.replace("mid:1", "mid:0")),
        OfferError::Malformed("two sections with one mid")
    );
    assert_eq!(error(&without("a=ice-ufrag:abcd")), OfferError::Credentials);
    assert_eq!(
        error(&good.replace("ufrag:abcd", "ufrag:a:cd")),
        OfferError::Credentials
    );
    assert_eq!(error(&good.replace("sha-256", "sha-1")), OfferError::Fingerprint);
    assert_eq!(error(&without("a=rtcp-mux")), OfferError::NotBundled);
    assert_eq!(
        error(&good.replace("BUNDLE 0 1 2 d", "BUNDLE 0 2 d")),
        OfferError::NotBundled
    );
    assert_eq!(error(&good.replace("actpass", "passive")), OfferError::Setup);
    assert_eq!(
        error(&good.replace("s=-", "s=\0")),
        OfferError::Malformed("control characters")
    );
    assert_eq!(error(&"v".repeat(1 << 20)), OfferError::TooLarge);
    let many = format!("v=0\r\n{}", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(200));
    assert_eq!(error(&many), OfferError::TooManySections);
}

proptest! {
    /// Lines lost, doubled and cut, numbers changed.
    #[test]
    fn no_offer_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), 0u8..4, any::<u8>()), 0..8)) {
        let text = offer();
        let mut lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
        for (at, change, byte) in changes {
            let at = at.index(lines.len());
            match change {
                0 => drop(lines.remove(at)),
                1 => lines.insert(at, lines[at].clone()),
                2 => {
                    let length = usize::from(byte) % (lines[at].len() + 1);
                    lines[at].truncate(length);
                }
                _ => lines[at] = lines[at].replace(|c: char| c.is_ascii_digit(), &byte.to_string()),
            }
        }
        if let Ok(offer) = Offer::parse(&lines.join("\r\n")) {
            let answers = vec![Answer { receives: true, sends: Some(1), rtx: Some(2) }; offer.sections.len()];
            let transport = Transport {
                credentials: &Credentials::random(),
                fingerprint: Fingerprint([7; 32]),
                addresses: &[SocketAddr::from(([192, 0, 2, 1], 5_000))],
            };
            let answer = offer.answer(1, &transport, &answers);
            prop_assert_eq!(answer.matches("m=").count(), offer.sections.len());
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = Offer::parse(&format!("v=0\r\n{text}"));
    }
}
