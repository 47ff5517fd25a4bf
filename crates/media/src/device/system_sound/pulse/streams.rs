//! Which streams of the server are recorded: all that other programs play, as they come and go.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use pulseaudio::protocol::{
    ClientInfo, Command, CreateRecordStreamReply, Prop, Props, RecordStreamParams, SampleFormat, SampleSpec,
    SinkInputInfo, SubscriptionMask, stream::BufferAttr, stream::StreamFlags,
};
use sidetone_pipeline::{SampleWriter, samples};

use super::super::super::DeviceError;
use super::super::super::convert::ENGINE_RATE;
use super::super::super::elastic::{BLOCK, ElasticReader};
use super::FORMAT;
use super::connection::{Connection, Message};

/// Streams recorded at a time. Desktops have a handful.
const MOST: usize = 32;

/// What the server brings at a time. It has the players' sinks wake as often, so not less than a desktop does anyway.
const PIECE: Duration = Duration::from_millis(20);

/// How late a piece may come and not be missed.
const MARGIN: Duration = Duration::from_millis(30);

/// A property of PipeWire's for streams that come out of a filter: what went in is recorded itself, and may be ours.
const OUT_OF_A_FILTER: &std::ffi::CStr = c"node.link-group";

/// A stream that is recorded.
struct Stream {
    /// The server's number of what is played.
    played: u32,
    /// That of the recording.
    channel: u32,
    writer: SampleWriter,
    reader: ElasticReader,
    /// Nothing more comes.
    over: bool,
}

/// What the server was asked.
enum Asked {
    /// Who is connected.
    Clients,
    /// What is played.
    Played,
    /// To record a stream.
    Record(u32),
}

/// The streams of a server.
pub struct Streams {
    connection: Connection,
    asked: HashMap<u32, Asked>,
    clients: Vec<ClientInfo>,
    streams: Vec<Stream>,
    /// What is played has changed since it was asked for.
    stale: bool,
    buffer: Vec<f32>,
}

impl Streams {
    /// Begins to follow a server.
    ///
    /// # Errors
    /// [`DeviceError::Unavailable`] when it does not listen.
    pub fn new(connection: Connection) -> Result<Self, DeviceError> {
        let mut this = Self {
            connection,
            asked: HashMap::new(),
            clients: Vec::new(),
            streams: Vec::new(),
            stale: true,
            buffer: Vec::new(),
        };
        let follow = Command::Subscribe(SubscriptionMask::SINK_INPUT);
        this.connection
            .send(&follow)
            .map_err(|error| DeviceError::Unavailable {
                id: "sound server".into(),
                reason: error.to_string(),
            })?;
        Ok(this)
    }

    /// Takes in what comes until then.
    ///
    /// # Errors
    /// The server is gone.
    pub fn work(&mut self, until: Instant) -> io::Result<()> {
        self.connection.receive(until)?;
        while let Some(message) = self.connection.next()? {
            self.handle(message)?;
        }
        let asks = |asked: &Asked| matches!(asked, Asked::Clients | Asked::Played);
        if self.stale && !self.asked.values().any(asks) {
            self.stale = false;
            self.ask(&Command::GetClientInfoList, Asked::Clients)?;
            self.ask(&Command::GetSinkInputInfoList, Asked::Played)?;
        }
        Ok(())
    }

    /// The next block of everything together.
    pub fn mix(&mut self) -> [f32; BLOCK] {
        let mut sum = [0.0; BLOCK];
        self.streams.retain_mut(|stream| {
            let mut block = [0.0; BLOCK];
            let flows = stream.reader.next(&mut block);
            sum.iter_mut().zip(block).for_each(|(sum, sample)| *sum += sample);
            flows || !stream.over
        });
        sum
    }

    fn ask(&mut self, command: &Command, asked: Asked) -> io::Result<()> {
        let number = self.connection.send(command)?;
        self.asked.insert(number, asked);
        Ok(())
    }

    fn handle(&mut self, message: Message) -> io::Result<()> {
        match message {
            Message::Sound(channel, body) => {
                let stream = self.streams.iter_mut().find(|stream| stream.channel == channel);
                if let Some(stream) = stream {
                    let samples = self.connection.bytes(&body).as_chunks().0;
                    self.buffer.clear();
                    self.buffer
                        .extend(samples.iter().map(|bytes| finite(f32::from_le_bytes(*bytes))));
                    stream.writer.write(&self.buffer);
                }
            }
            Message::Answer(number, body) => match self.asked.remove(&number) {
                Some(Asked::Clients) => self.clients = self.connection.answer(&body)?,
                Some(Asked::Played) => {
                    let played = self.connection.answer(&body)?;
                    self.follow(played)?;
                }
                Some(Asked::Record(played)) => {
                    let reply = self.connection.answer(&body)?;
                    self.begin(played, &reply)?;
                }
                None => {}
            },
            Message::Refused(number, error) => {
                // Such as a stream that has ended meanwhile.
                self.asked.remove(&number);
                tracing::debug!(?error, "the sound server refuses");
            }
            Message::Event(event) => match *event {
                Command::SubscribeEvent(_) => self.stale = true,
                // It ended, or moved to another sink: then it is recorded anew.
                Command::RecordStreamKilled(channel) => {
                    let streams = self.streams.iter_mut();
                    streams
                        .filter(|stream| stream.channel == channel)
                        .for_each(|stream| stream.over = true);
                    self.stale = true;
                }
                _ => {}
            },
        }
        Ok(())
    }

    /// Records what is played now and was not before.
    fn follow(&mut self, played: Vec<SinkInputInfo>) -> io::Result<()> {
        let process = std::process::id();
        for input in played {
            let recorded = self
                .streams
                .iter()
                .any(|stream| stream.played == input.index && !stream.over);
            let asked = |asked: &Asked| matches!(asked, Asked::Record(played) if *played == input.index);
            let busy = self.streams.len() + self.asked.len() >= MOST;
            if recorded || busy || self.asked.values().any(asked) {
                continue;
            }
            if is_of_another_program(&input, &self.clients, process) {
                self.ask(
                    &Command::CreateRecordStream(recording_of(input.index)),
                    Asked::Record(input.index),
                )?;
            }
        }
        Ok(())
    }

    /// A stream is recorded.
    fn begin(&mut self, played: u32, reply: &CreateRecordStreamReply) -> io::Result<()> {
        if reply.sample_spec != SPEC {
            tracing::warn!(got = ?reply.sample_spec, "the sound server has its own mind about formats");
            return self
                .connection
                .send(&Command::DeleteRecordStream(reply.channel))
                .map(drop);
        }
        let (writer, reader) = samples(ENGINE_RATE as usize / 4);
        let reader = ElasticReader::new(reader, FORMAT, MARGIN).map_err(io::Error::other)?;
        self.streams.push(Stream {
            played,
            channel: reply.channel,
            writer,
            reader,
            over: false,
        });
        Ok(())
    }
}

const SPEC: SampleSpec = SampleSpec {
    format: SampleFormat::Float32Le,
    channels: 1,
    sample_rate: ENGINE_RATE,
};

/// A recording of that stream alone, before anything else is mixed with it.
fn recording_of(played: u32) -> RecordStreamParams {
    let mut props = Props::new();
    props.set(Prop::MediaName, c"shared sound");
    let bytes = PIECE.as_millis() as u32 * ENGINE_RATE / 1000 * 4;
    RecordStreamParams {
        sample_spec: SPEC,
        direct_on_input_index: Some(played),
        buffer_attr: BufferAttr {
            fragment_size: bytes,
            ..BufferAttr::default()
        },
        flags: StreamFlags {
            adjust_latency: true,
            no_move: true,
            ..StreamFlags::default()
        },
        props,
        ..RecordStreamParams::default()
    }
}

/// Whether what is played is another program's. What belongs to nobody comes out of the server itself, such as the mix of
/// a filter, which may have ours in it.
fn is_of_another_program(input: &SinkInputInfo, clients: &[ClientInfo], process: u32) -> bool {
    if input.props.get_bytes(OUT_OF_A_FILTER).is_some() {
        return false;
    }
    let client = clients
        .iter()
        .find(|client| Some(client.index) == input.client_index);
    let Some(client) = client else { return false };
    [&input.props, &client.props]
        .into_iter()
        .all(|props| process_of(props) != Some(process))
}

fn process_of(props: &Props) -> Option<u32> {
    let text = std::str::from_utf8(props.get(Prop::ApplicationProcessId)?).ok()?;
    text.trim_end_matches('\0').parse().ok()
}

/// One sample that is no number would silence the encoder for good.
fn finite(sample: f32) -> f32 {
    if sample.is_finite() { sample } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;

    fn of_process(process: &str) -> Props {
        let mut props = Props::new();
        props.set(Prop::ApplicationProcessId, CString::new(process).unwrap());
        props
    }

    #[test]
    fn what_is_ours_or_nobodys_is_not_shared() {
        let client = |index, process: &str| ClientInfo {
            index,
            props: of_process(process),
            ..ClientInfo::default()
        };
        let clients = [client(1, "77"), client(2, "78"), client(3, "no number")];
        let input = |client_index, props| SinkInputInfo {
            client_index,
            props,
            ..SinkInputInfo::default()
        };
        let shared = |input: SinkInputInfo| is_of_another_program(&input, &clients, 77);
        assert!(shared(input(Some(2), Props::new())));
        assert!(shared(input(Some(2), of_process("78"))));
        assert!(shared(input(Some(3), Props::new())), "whose it is, is not ours");
        assert!(!shared(input(Some(1), Props::new())), "ours, by its client");
        assert!(!shared(input(Some(2), of_process("77"))), "ours, by itself");
        assert!(!shared(input(None, Props::new())), "the server's");
        assert!(
            !shared(input(Some(9), Props::new())),
            "of a client that nobody knows yet"
        );
        let mut filtered = Props::new();
        filtered.set_bytes(OUT_OF_A_FILTER, c"loopback-1".to_bytes_with_nul());
        assert!(!shared(input(Some(2), filtered)), "a filter's");
    }

    #[test]
    fn no_sample_is_no_number() {
        assert_eq!([f32::NAN, f32::INFINITY, 0.5].map(finite), [0.0, 0.0, 0.5]);
    }
}
