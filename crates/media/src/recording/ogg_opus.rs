//! Ogg Opus (RFC 7845). A page a second: a file that was cut off plays to the end of its last whole page.
//!
//! Two tracks are two streams of one channel each (mapping family 1 without coupled streams, section 5.1.1.2): players
//! take it for stereo, and nothing of one track is coded into the other.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ogg::{PacketWriteEndInfo, PacketWriter};
use sidetone_opus::{Application, Bitrate, Channels, Encoder, SampleRate};

use super::RecordingError;
use super::file::{SoundFile, trouble};
use crate::voice::RATE;

/// Samples in a packet: 20 ms.
const FRAME: usize = 960;
/// Largest packet of one stream (RFC 6716 section 3.4), and room to spare.
const MAX_PACKET: usize = 1_500;
/// Packets on a page: a second.
const PAGE: u32 = 50;
/// Effort of the encoder. No microphone waits for it, but a service records many calls.
const COMPLEXITY: u8 = 5;

/// One track on its way into packets.
struct Stream {
    encoder: Encoder,
    waiting: Vec<f32>,
}

/// An Ogg Opus file under way.
pub struct OggOpusFile {
    path: PathBuf,
    pages: PacketWriter<'static, BufWriter<File>>,
    serial: u32,
    streams: Vec<Stream>,
    /// Samples that a decoder leaves out at the beginning.
    pre_skip: u64,
    /// Samples given in, and samples in packets.
    written: u64,
    coded: u64,
    /// The last packet, kept back because the last of a file is marked, and the samples up to its end.
    last: Option<(Vec<u8>, u64)>,
    on_page: u32,
}

impl OggOpusFile {
    /// Makes the file, with its two headers.
    ///
    /// # Errors
    /// [`RecordingError`].
    pub fn create(path: &Path, channels: usize, bitrate: Bitrate) -> Result<Self, RecordingError> {
        let streams = (0..channels)
            .map(|_| {
                let mut encoder = Encoder::new(SampleRate::Hz48000, Channels::Mono, Application::Audio)?;
                encoder.set_bitrate(bitrate)?;
                encoder.set_complexity(COMPLEXITY)?;
                Ok(Stream {
                    encoder,
                    waiting: Vec::with_capacity(2 * FRAME),
                })
            })
            .collect::<Result<Vec<_>, RecordingError>>()?;
        let pre_skip = streams.first().map_or(0, |stream| stream.encoder.lookahead());
        let file = File::create(path).map_err(|error| trouble(path, &error))?;
        let mut this = Self {
            path: path.to_owned(),
            pages: PacketWriter::new(BufWriter::new(file)),
            // Told apart from others only where files are joined.
            serial: 1,
            streams,
            pre_skip: pre_skip as u64,
            written: 0,
            coded: 0,
            last: None,
            on_page: 0,
        };
        this.packet(head(channels, pre_skip), PacketWriteEndInfo::EndPage, 0)?;
        this.packet(tags(), PacketWriteEndInfo::EndPage, 0)?;
        this.flush_file()?;
        Ok(this)
    }

    fn packet(&mut self, data: Vec<u8>, end: PacketWriteEndInfo, granule: u64) -> Result<(), RecordingError> {
        self.pages
            .write_packet(data, self.serial, end, granule)
            .map_err(|error| trouble(&self.path, &error))
    }

    fn flush_file(&mut self) -> Result<(), RecordingError> {
        let flushed = self.pages.inner_mut().flush();
        flushed.map_err(|error| trouble(&self.path, &error))
    }

    /// Codes every whole frame.
    fn code(&mut self) -> Result<(), RecordingError> {
        while self.streams.iter().all(|stream| stream.waiting.len() >= FRAME) {
            let mut packet = Vec::new();
            let streams = self.streams.len();
            for (index, stream) in self.streams.iter_mut().enumerate() {
                let mut coded = [0; MAX_PACKET];
                let len = stream.encoder.encode(&stream.waiting[..FRAME], &mut coded)?;
                stream.waiting.drain(..FRAME);
                let coded = &coded[..len];
                if index + 1 < streams {
                    delimited(coded, &mut packet)?;
                } else {
                    packet.extend_from_slice(coded);
                }
            }
            self.coded += FRAME as u64;
            if let Some((data, granule)) = self.last.replace((packet, self.coded)) {
                self.on_page += 1;
                let full = self.on_page >= PAGE;
                let end = if full {
                    PacketWriteEndInfo::EndPage
                } else {
                    PacketWriteEndInfo::NormalPacket
                };
                self.packet(data, end, granule)?;
                if full {
                    self.on_page = 0;
                    self.flush_file()?;
                }
            }
        }
        Ok(())
    }
}

impl SoundFile for OggOpusFile {
    fn write(&mut self, channels: &[&[f32]]) -> Result<(), RecordingError> {
        for (stream, channel) in self.streams.iter_mut().zip(channels) {
            // A sample that is no number would stop the encoder.
            let sound = channel.iter().map(|s| if s.is_finite() { *s } else { 0.0 });
            stream.waiting.extend(sound);
        }
        self.written += channels.first().map_or(0, |channel| channel.len()) as u64;
        self.code()
    }

    fn flush(&mut self) -> Result<(), RecordingError> {
        // Pages go to the file as they are full.
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), RecordingError> {
        // What the encoder looks ahead must come out too.
        let end = self.written + self.pre_skip;
        while self.coded < end || self.last.is_none() {
            for stream in &mut self.streams {
                stream.waiting.resize(FRAME, 0.0);
            }
            self.code()?;
        }
        if let Some((data, _)) = self.last.take() {
            // Ends in mid-packet: the position of the last page says where (section 4.4).
            self.packet(data, PacketWriteEndInfo::EndStream, end)?;
        }
        self.flush_file()?;
        let synced = self.pages.inner().get_ref().sync_all();
        synced.map_err(|error| trouble(&self.path, &error))
    }
}

/// The identification header (section 5.1).
fn head(channels: usize, pre_skip: usize) -> Vec<u8> {
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels as u8);
    head.extend((pre_skip as u16).to_le_bytes());
    head.extend(RATE.to_le_bytes());
    head.extend(0_u16.to_le_bytes());
    if channels == 1 {
        head.push(0);
    } else {
        head.extend([1, channels as u8, 0]);
        head.extend((0..channels).map(|channel| channel as u8));
    }
    head
}

/// The comment header (section 5.2).
fn tags() -> Vec<u8> {
    let vendor = format!("sidetone {}", env!("CARGO_PKG_VERSION"));
    let mut tags = b"OpusTags".to_vec();
    tags.extend((vendor.len() as u32).to_le_bytes());
    tags.extend(vendor.bytes());
    tags.extend(0_u32.to_le_bytes());
    tags
}

/// A packet with its length in it (RFC 6716 appendix B), as all streams but the last need it.
fn delimited(packet: &[u8], out: &mut Vec<u8>) -> Result<(), RecordingError> {
    // An encoder that makes frames of 20 ms puts one into a packet; only then the length is all that is missing.
    let Some((toc, data)) = packet.split_first().filter(|(toc, _)| **toc & 3 == 0) else {
        return Err(RecordingError::Codec("an unexpected kind of packet".into()));
    };
    out.push(*toc);
    let len = data.len();
    if len < 252 {
        out.push(len as u8);
    } else {
        let first = 252 + (len & 3);
        out.extend([first as u8, ((len - first) / 4) as u8]);
    }
    out.extend_from_slice(data);
    Ok(())
}
