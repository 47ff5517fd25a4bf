//! Whatever comes in is taken, passed on or dropped, and nothing of it grows without bound.

use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use proptest::prelude::*;
use rtc::rtcp::payload_feedbacks::full_intra_request::FirEntry;
use rtc::sansio::Protocol;
use rtp::Header;
use sidetone_opus::Bitrate;
use sidetone_pipeline::queue;

use super::super::sections;
use super::*;
use crate::transport::video::{CodedFrame, VideoConfig, VideoPort, port};
use crate::video::{Codec, Demand, NtpTime, PlayoutDelay, Wanted};

/// As a browser answers, shortened.
const THEIRS: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\na=mid:1\r\na=sendrecv\r\na=rtpmap:96 VP8/90000\r\n\
    a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 H264/90000\r\n\
    a=fmtp:98 packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n\
    a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
    a=extmap:6 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time\r\n\
    a=extmap:7 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n\
    a=ssrc-group:FID 11 12\r\na=ssrc:11 cname:x\r\na=ssrc:12 cname:x\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:2\r\na=sendrecv\r\na=rtpmap:96 VP8/90000\r\n\
    a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";

const OURS: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\na=mid:1\r\na=sendrecv\r\n\
    a=ssrc-group:FID 21 22\r\na=ssrc:21 cname:x\r\na=ssrc:22 cname:x\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:2\r\na=sendrecv\r\na=ssrc:31 cname:x\r\n";

fn pictures(now: Instant) -> (Pictures, VideoPort) {
    let config = VideoConfig {
        codecs: vec![Codec::H264, Codec::Vp8],
        ..VideoConfig::default()
    };
    let (port, _, end) = port(1, 1, &(Arc::new(|| ()) as _));
    let (layouts, settled) = queue(1);
    layouts.push(sections::read(
        OURS,
        THEIRS,
        false,
        false,
        &config,
        &Default::default(),
    ));
    let (signals, _) = tokio::sync::mpsc::unbounded_channel();
    let around = Surroundings {
        ssrc: 1,
        open: Arc::new(AtomicBool::new(true)),
        bandwidth: Bandwidth::new(signals, true, now),
        latest: Latest::default(),
        selected: Arc::default(),
        layouts: settled,
        report: LatestVideo::default(),
        clock: MediaClock::new(now, 0, NtpTime(1 << 63)),
        temporal: TemporalLayers::ONE,
    };
    (Pictures::new(end, around, now), port)
}

fn rtp(header: Header, payload: Vec<u8>, now: Instant) -> TaggedPacket {
    let payload = Bytes::from(payload);
    tagged(Packet::Rtp(rtp::Packet { header, payload }), now)
}

#[test]
fn what_was_settled_is_used() {
    let now = Instant::now();
    let (mut pictures, port) = pictures(now);
    pictures.handle_timeout(now).unwrap();
    // The first that is wanted and common; what has no format of its own takes the next.
    assert_eq!(port.camera[0].codec(), Some(Codec::H264));
    assert_eq!(port.screen.codec(), Some(Codec::Vp8));
    port.screen.set_demand(Some(Demand {
        least: Bitrate(1),
        most: Bitrate::kbps(500),
    }));
    pictures.handle_timeout(now).unwrap();
    assert_eq!(
        port.screen.wanted(),
        Wanted::Nothing,
        "the little that is sure is for the sound"
    );
    pictures.around.bandwidth.on_probe(Bitrate::kbps(900), now);
    pictures.handle_timeout(now).unwrap();
    assert_eq!(port.screen.wanted(), Wanted::KeyFrame);
    assert_eq!(port.screen.wanted(), Wanted::Frame, "one is asked for once");
    port.screen.push(CodedFrame {
        data: vec![0; 50].into(),
        key: true,
        temporal: None,
        discardable: false,
        captured: now,
        playout: Some(PlayoutDelay::AT_ONCE),
    });
    // Behind the probes.
    for milliseconds in 0..200 {
        let later = now + Duration::from_millis(milliseconds);
        pictures.handle_timeout(later).unwrap();
    }
    let sent = std::iter::from_fn(|| pictures.poll_write());
    let sent: Vec<_> = sent
        .filter_map(|packet| match packet.message.packet {
            Packet::Rtp(packet) => Some(packet).filter(|packet| packet.header.ssrc == 31),
            _ => None,
        })
        .collect();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].header.ssrc, sent[0].header.payload_type), (31, 96));
    assert_eq!(
        sent[0].header.get_extension(6).map(|value| value.len()),
        Some(8),
        "when it was captured"
    );
    assert_eq!(
        sent[0].header.get_extension(7).as_deref(),
        Some(&[0, 0, 0][..]),
        "at once"
    );
}

#[test]
fn sound_passes_and_pictures_do_not() {
    let now = Instant::now();
    let (mut pictures, _port) = pictures(now);
    pictures.handle_timeout(now).unwrap();
    let of = |payload_type, ssrc| Header {
        version: 2,
        payload_type,
        ssrc,
        ..Header::default()
    };
    for (header, passes) in [
        (of(111, 5), true),
        (of(96, 11), false),
        (of(97, 12), false),
        // Either section could have it, so nobody gets it, and least of all the sound.
        (of(96, 77), false),
    ] {
        pictures
            .handle_read(rtp(header.clone(), vec![0x10, 0, 1], now))
            .unwrap();
        assert_eq!(pictures.poll_read().is_some(), passes, "{header:?}");
    }
    assert_eq!(pictures.receiving.discarded(), 1);
    let mut named = of(96, 78);
    named.set_extension(3, Bytes::from_static(b"2")).unwrap();
    pictures.handle_read(rtp(named, vec![0x10, 0, 1], now)).unwrap();
    assert_eq!(pictures.receiving.discarded(), 1);
    assert_eq!(pictures.receiving.stats(now)[1].counters.packets_received, 1);
}

#[derive(Clone, Debug)]
enum Sent {
    Rtp(u32, u8, u16, u32, bool, Vec<u8>, Option<Vec<u8>>, Option<u32>),
    Nack(u32, Vec<(u16, u16)>),
    Lost(u32),
    Intra(Vec<(u32, u8)>),
    Report(u32, u64, u32),
    Failed,
    Wait(u16),
}

fn sent() -> impl Strategy<Value = Sent> {
    let ssrc = || prop_oneof![Just(11u32), Just(12), Just(21), Just(22), Just(31), any::<u32>()];
    let payload_type = prop_oneof![Just(96u8), Just(97), Just(98), Just(99), 0u8..128];
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        8 => (ssrc(), payload_type, any::<u16>(), any::<u32>(), any::<bool>(), bytes(),
            prop::option::of(prop::collection::vec(any::<u8>(), 1..16)), any::<Option<u32>>())
            .prop_map(|(a, b, c, d, e, f, g, h)| Sent::Rtp(a, b, c, d, e, f, g, h)),
        2 => (ssrc(), prop::collection::vec(any::<(u16, u16)>(), 0..400)).prop_map(|(a, b)| Sent::Nack(a, b)),
        1 => ssrc().prop_map(Sent::Lost),
        1 => prop::collection::vec((ssrc(), any::<u8>()), 0..5).prop_map(Sent::Intra),
        1 => (ssrc(), any::<u64>(), any::<u32>()).prop_map(|(a, b, c)| Sent::Report(a, b, c)),
        1 => Just(Sent::Failed),
        3 => any::<u16>().prop_map(Sent::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_hostile_peer_is_survived(what in prop::collection::vec(sent(), 0..200)) {
        let mut now = Instant::now();
        let (mut pictures, port) = pictures(now);
        port.camera[0].set_demand(Some(Demand { least: Bitrate(1), most: Bitrate::kbps(500) }));
        pictures.handle_timeout(now).unwrap();
        let mut written = 0;
        for what in &what {
            let rtcp = |packet: Box<dyn rtc::rtcp::Packet>| tagged(Packet::Rtcp(vec![packet]), now);
            match what.clone() {
                Sent::Rtp(ssrc, payload_type, sequence_number, timestamp, marker, payload, mid, csrc) => {
                    let mut header = Header {
                        version: 2, ssrc, payload_type, sequence_number, timestamp, marker,
                        csrc: csrc.into_iter().collect(),
                        ..Header::default()
                    };
                    if let Some(mid) = mid {
                        let id = [3, 6][mid.len() % 2];
                        header.set_extension(id, mid.into()).unwrap();
                    }
                    pictures.handle_read(rtp(header, payload, now)).unwrap();
                }
                Sent::Nack(media_ssrc, pairs) => {
                    let nacks = pairs.iter().map(|(packet_id, lost_packets)| NackPair {
                        packet_id: *packet_id, lost_packets: *lost_packets,
                    });
                    let nacks = nacks.collect();
                    pictures.handle_read(rtcp(Box::new(TransportLayerNack { sender_ssrc: 9, media_ssrc, nacks }))).unwrap();
                }
                Sent::Lost(media_ssrc) => {
                    pictures.handle_read(rtcp(Box::new(PictureLossIndication { sender_ssrc: 9, media_ssrc }))).unwrap();
                }
                Sent::Intra(entries) => {
                    let fir = entries.iter().map(|(ssrc, sequence_number)| FirEntry {
                        ssrc: *ssrc, sequence_number: *sequence_number,
                    });
                    let fir = fir.collect();
                    pictures.handle_read(rtcp(Box::new(FullIntraRequest { sender_ssrc: 9, media_ssrc: 0, fir }))).unwrap();
                }
                Sent::Report(ssrc, ntp_time, rtp_time) => {
                    let report = SenderReport { ssrc, ntp_time, rtp_time, ..SenderReport::default() };
                    pictures.handle_read(rtcp(Box::new(report))).unwrap();
                }
                Sent::Failed => port.remote[0].failed(),
                Sent::Wait(milliseconds) => {
                    now += Duration::from_millis(u64::from(milliseconds) % 500);
                    pictures.handle_timeout(now).unwrap();
                }
            }
            while pictures.poll_read().is_some() {}
            while pictures.poll_write().is_some() {
                written += 1;
            }
        }
        // It makes us send little: a request for each gap and picture at the most, and probes.
        prop_assert!(written < 40 + 60 * what.len(), "{}", written);
        prop_assert!(pictures.next.is_none_or(|next| next > now - Duration::from_secs(1)));
    }

    #[test]
    fn any_description_is_read(local in ".{0,200}", theirs in "(m=video [0-9 ]{0,9}|a=(rtpmap|fmtp|extmap|ssrc|rid|simulcast):[a-z0-9 =/;]{0,20}|\r\n){0,30}") {
        let config = VideoConfig { layers: 3, cameras: 4, ..VideoConfig::default() };
        for (we_answer, meeting) in [(true, false), (false, true)] {
            let layers = Default::default();
            sections::read(&local, &theirs, we_answer, meeting, &config, &layers);
            let layout = sections::read(&theirs, &theirs, we_answer, meeting, &config, &layers);
            prop_assert_eq!((layout.sends.len(), layout.receives.len()), (4, if meeting { 5 } else { 2 }));
            sections::streams(&layout);
        }
    }
}
