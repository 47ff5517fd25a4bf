//! The two loops that carry packets between the voice queues and the library's tracks, and what they count.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use sidetone_pipeline::{Pool, Pooled, QueueReceiver, QueueSender};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use super::reports::Spoken;
use crate::packet::{RtpTimestamp, SequenceNumber, VoicePacket};
use crate::transport::MAX_SLOTS;
use crate::transport::pictures::MediaClock;
use crate::transport::receptions::Receptions;
use crate::transport::rtp::{self, Negotiated, RtpError};
use crate::video::AbsoluteCaptureTime;

/// How often packets say when they were captured, in samples: 200 ms. What lies between is counted; a server that gives
/// a slot to another talker passes on what it gets.
const TELL: i32 = 9_600;

/// What an answer says of one of the streams that come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) ssrc: u32,
    pub(super) negotiated: Negotiated,
}

/// What was settled about packets.
#[derive(Clone, Copy, Debug, Default)]
struct Settled {
    /// Of what we send, and of what comes where there are no slots.
    both: Negotiated,
    slots: Option<[Option<Stream>; MAX_SLOTS]>,
}

impl Settled {
    /// Where a packet from `ssrc` belongs, and how to read it. The library gives what a source sends to whatever track it
    /// was announced for, so the source alone counts.
    fn slot(&self, ssrc: u32) -> Option<(u8, Negotiated)> {
        let Some(slots) = &self.slots else {
            return Some((0, self.both));
        };
        (0..).zip(slots).find_map(|(slot, stream)| {
            stream
                .filter(|stream| stream.ssrc == ssrc)
                .map(|s| (slot, s.negotiated))
        })
    }
}

/// What the loops and [`stats`](super::WebRtcTransport) share.
#[derive(Default)]
pub(super) struct Voice {
    /// Whether media may flow: DTLS is done and nothing failed since.
    pub(super) open: Arc<AtomicBool>,
    pub(super) spoken: Spoken,
    settled: Mutex<Settled>,
    pub(super) reception: Mutex<Receptions>,
    pub(super) packets_sent: AtomicU64,
    pub(super) bytes_sent: AtomicU64,
    pub(super) packets_received: AtomicU64,
    pub(super) bytes_received: AtomicU64,
    /// Incoming packets that went no further.
    pub(super) discarded: AtomicU64,
}

impl Voice {
    pub(super) fn set_negotiated(&self, negotiated: Negotiated) {
        self.settled().both = negotiated;
    }

    /// Tells slots apart from now on.
    pub(super) fn set_slots(&self, slots: [Option<Stream>; MAX_SLOTS]) {
        self.settled().slots = Some(slots);
    }

    /// What was settled about the packets we send.
    pub(super) fn negotiated(&self) -> Negotiated {
        self.settled().both
    }

    fn settled(&self) -> MutexGuard<'_, Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what the capture worker pushes, until the last producer is gone. What comes before the connection
    /// is up would be old when it is, so it is dropped.
    pub(super) async fn send(
        &self,
        outgoing: QueueReceiver<Pooled<VoicePacket>>,
        (track, ssrc): (Arc<dyn TrackLocal>, u32),
        clock: MediaClock,
    ) {
        let mut told: Option<RtpTimestamp> = None;
        while let Some(voice) = outgoing.recv().await {
            if !self.open.load(Acquire) {
                continue;
            }
            let negotiated = self.negotiated();
            let mut packet = rtp::write(&voice, ssrc, negotiated);
            self.spoken.set(voice.timestamp, voice.at);
            let recent = |told: &RtpTimestamp| (0..TELL).contains(&voice.timestamp.distance(*told));
            if let Some(id) = negotiated.capture_id
                && (voice.marker || !told.as_ref().is_some_and(recent))
            {
                told = Some(voice.timestamp);
                let captured = AbsoluteCaptureTime::write(clock.ntp(voice.at));
                // Refused only for ids outside 1 to 14, which negotiation does not let through.
                let _ = packet.header.set_extension(id, Bytes::copy_from_slice(&captured));
            }
            let bytes = packet.payload.len() as u64;
            drop(voice);
            if track.write_rtp(packet).await.is_ok() {
                self.packets_sent.fetch_add(1, Relaxed);
                self.bytes_sent.fetch_add(bytes, Relaxed);
            }
        }
    }

    /// Takes what `track` receives to the playout worker. It must not wait for anything else: the library drops
    /// what a slow reader leaves.
    pub(super) async fn receive(
        &self,
        track: Arc<dyn TrackRemote>,
        pool: Pool<VoicePacket>,
        incoming: QueueSender<Pooled<VoicePacket>>,
    ) {
        while let Some(event) = track.poll().await {
            match event {
                TrackRemoteEvent::OnRtpPacket(packet) => {
                    self.on_packet(&packet, Instant::now(), &pool, &incoming)
                }
                TrackRemoteEvent::OnEnded => break,
                _ => {}
            }
        }
    }

    fn on_packet(
        &self,
        packet: &::rtp::Packet,
        at: Instant,
        pool: &Pool<VoicePacket>,
        incoming: &QueueSender<Pooled<VoicePacket>>,
    ) {
        let header = &packet.header;
        let sequence = SequenceNumber(header.sequence_number);
        let known = self.settled().slot(header.ssrc);
        if let Some((slot, _)) = known {
            let mut reception = self.reception.lock().unwrap_or_else(PoisonError::into_inner);
            reception.on_packet(slot, header.ssrc, sequence, RtpTimestamp(header.timestamp), at);
        }
        self.packets_received.fetch_add(1, Relaxed);
        self.bytes_received
            .fetch_add(packet.payload.len() as u64, Relaxed);
        let taken = known
            .zip(pool.take())
            .is_some_and(|((slot, negotiated), mut voice)| {
                match rtp::read(packet, negotiated, at, &mut voice) {
                    Ok(()) => {
                        voice.slot = slot;
                        incoming.push(voice).is_none()
                    }
                    Err(RtpError::Empty) => true,
                    Err(_) => false,
                }
            });
        if !taken {
            self.discarded.fetch_add(1, Relaxed);
        }
    }
}
