//! The two loops that carry packets between the voice queues and the library's tracks, and what they count.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use sidetone_pipeline::{Pool, Pooled, QueueReceiver, QueueSender};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use crate::packet::{RtpTimestamp, SequenceNumber, VoicePacket};
use crate::transport::Reception;
use crate::transport::rtp::{self, Negotiated, RtpError};

/// What the loops and [`stats`](super::WebRtcTransport) share.
#[derive(Default)]
pub(super) struct Voice {
    /// Whether media may flow: DTLS is done and nothing failed since.
    pub(super) open: Arc<AtomicBool>,
    negotiated: Mutex<Negotiated>,
    pub(super) reception: Mutex<Reception>,
    pub(super) packets_sent: AtomicU64,
    pub(super) bytes_sent: AtomicU64,
    pub(super) packets_received: AtomicU64,
    pub(super) bytes_received: AtomicU64,
    /// Incoming packets that went no further.
    pub(super) discarded: AtomicU64,
}

impl Voice {
    pub(super) fn set_negotiated(&self, negotiated: Negotiated) {
        *self.negotiated.lock().unwrap_or_else(PoisonError::into_inner) = negotiated;
    }

    pub(super) fn negotiated(&self) -> Negotiated {
        *self.negotiated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what the capture worker pushes, until the last producer is gone. What comes before the connection
    /// is up would be old when it is, so it is dropped.
    pub(super) async fn send(
        &self,
        outgoing: QueueReceiver<Pooled<VoicePacket>>,
        track: Arc<dyn TrackLocal>,
        ssrc: u32,
    ) {
        while let Some(voice) = outgoing.recv().await {
            if !self.open.load(Acquire) {
                continue;
            }
            let packet = rtp::write(&voice, ssrc, self.negotiated());
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
        let mut reception = self.reception.lock().unwrap_or_else(PoisonError::into_inner);
        reception.on_packet(header.ssrc, sequence, RtpTimestamp(header.timestamp), at);
        drop(reception);
        self.packets_received.fetch_add(1, Relaxed);
        self.bytes_received
            .fetch_add(packet.payload.len() as u64, Relaxed);
        let taken =
            pool.take().is_some_and(
                |mut voice| match rtp::read(packet, self.negotiated(), at, &mut voice) {
                    Ok(()) => incoming.push(voice).is_none(),
                    Err(RtpError::Empty) => true,
                    Err(_) => false,
                },
            );
        if !taken {
            self.discarded.fetch_add(1, Relaxed);
        }
    }
}
