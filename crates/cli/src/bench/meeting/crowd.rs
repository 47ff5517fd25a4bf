//! Everyone in the meeting, on one thread and one socket.
//!
//! Each participant has a loopback address of its own, so that the service sees as many peers; what they receive is
//! counted from the outside of the packets, and opened only where something in it is to be read.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sidetone_sfu::caller::{Answered, Caller, VP8};
use sidetone_sfu::link::{Link, LinkConfig, LinkEvent, Protocol, Received};
use sidetone_sfu::net::{Many, Waiter, Waker};
use sidetone_sfu::rtp::Parsed;

use super::report::Spread;
use super::show::{self, Show};
use super::talk::{Mark, Plan, Reception, Size, Talk};

/// Of this many packets that a participant receives, one is opened for its time.
const SAMPLED: u64 = 16;

/// Links are looked after this often while they are made, and once they are there.
const TICK: Duration = Duration::from_millis(10);

/// Bytes that may wait in the socket: those of some ten thousand packets.
const BUFFER: usize = 64 << 20;

/// A participant that is to be.
pub struct Newcomer {
    /// Its place: 0 for the first, and so on.
    pub index: usize,
    /// Its end.
    pub caller: Caller,
    /// The service's.
    pub answered: Answered,
    /// When it talks, if ever.
    pub plan: Option<Plan>,
    /// Whether it shows a picture.
    pub shows: bool,
    /// Bytes of voice in a packet.
    pub size: Size,
    /// When it asked to join.
    pub asked: Instant,
}

enum Order {
    Add(Box<Newcomer>),
    Begin,
    Finish(Sender<Measured>),
    Stop,
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug)]
pub enum Heard {
    /// The link of this participant is up.
    Connected(usize),
    /// This participant received its first voice, so long after it asked to join.
    First(usize, Duration),
    /// This participant's link failed or was lost.
    Lost(usize),
}

/// What was counted between the beginning and the end of the measured part.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// How long it was.
    pub length: Duration,
    /// Packets of voice sent.
    pub sent: u64,
    /// Packets received.
    pub received: u64,
    /// Missing from what was received.
    pub lost: u64,
    /// Of a sample of packets, in milliseconds.
    pub latency: Spread,
    /// Second, and 99th percentile in it.
    pub latency_over_time: Vec<(f64, f64)>,
    /// What was not heard of the beginning of each turn by each participant, in milliseconds.
    pub clipped: Vec<f64>,
}

struct Person {
    caller: Caller,
    link: Link,
    address: Ipv4Addr,
    talk: Option<Talk>,
    show: Option<Show>,
    asked: Instant,
    heard: bool,
    connected: bool,
    /// By the slot's source. Few, and found by looking.
    streams: Vec<(u32, Reception)>,
    received: u64,
    /// First packet received of each turn: talker, turn, number.
    turns: Vec<(u32, u32, u32)>,
}

/// The handle of the crowd's thread.
pub struct Crowd {
    orders: Sender<Order>,
    waker: Waker,
    /// What happens to participants.
    pub heard: Receiver<Heard>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// A crowd of nobody. With `every_turn`, the beginnings of turns are looked at, for which every packet is opened.
    /// `on_start` runs on its thread first.
    ///
    /// # Errors
    /// No socket or thread.
    pub fn new(
        config: LinkConfig,
        every_turn: bool,
        on_start: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let many = Many::bind(BUFFER)?;
        let (waiter, waker) = Waiter::new()?;
        let (orders, taken) = channel();
        let (tell, heard) = channel();
        let floor = Floor {
            many,
            config,
            every_turn,
            people: Vec::new(),
            talkers: Vec::new(),
            tell,
            epoch: Instant::now(),
            began: None,
            counted: Counted::default(),
        };
        let thread = std::thread::Builder::new().name("crowd".into()).spawn(move || {
            on_start();
            floor.run(&waiter, &taken);
        })?;
        Ok(Self {
            orders,
            waker,
            heard,
            thread: Some(thread),
        })
    }

    /// The address of the participant at a place.
    pub fn address(index: usize) -> Ipv4Addr {
        let [high, low] = (index as u16 + 1).to_be_bytes();
        Ipv4Addr::new(127, 1, high, low)
    }

    /// Lets somebody in.
    pub fn add(&self, newcomer: Newcomer) {
        self.order(Order::Add(Box::new(newcomer)));
    }

    /// Begins the measured part.
    pub fn begin(&self) {
        self.order(Order::Begin);
    }

    /// Ends it. None when the thread is gone.
    pub fn finish(&self) -> Option<Measured> {
        let (answer, measured) = channel();
        self.order(Order::Finish(answer));
        measured.recv().ok()
    }

    fn order(&self, order: Order) {
        // A thread that is gone is noticed by whoever waits for an answer.
        let _ = self.orders.send(order);
        self.waker.wake();
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.order(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Default)]
struct Counted {
    sent: u64,
    received: u64,
    latencies: Vec<(f64, f64)>,
}

/// The thread's state.
struct Floor {
    many: Many,
    config: LinkConfig,
    every_turn: bool,
    people: Vec<Person>,
    /// Places of those who ever talk or show a picture: looked at for every packet, and few.
    talkers: Vec<usize>,
    tell: Sender<Heard>,
    epoch: Instant,
    began: Option<Instant>,
    counted: Counted,
}

impl Floor {
    fn run(mut self, waiter: &Waiter, orders: &Receiver<Order>) {
        let mut looked_after = Instant::now();
        loop {
            let now = Instant::now();
            let next = self
                .next_packet()
                .map_or(TICK, |due| due.saturating_duration_since(now).min(TICK));
            if waiter.wait(self.many.socket(), next) {
                while let Ok(order) = orders.try_recv() {
                    match order {
                        Order::Add(newcomer) => self.add(*newcomer),
                        Order::Begin => self.begin(),
                        Order::Finish(answer) => _ = answer.send(self.finish()),
                        Order::Stop => return,
                    }
                }
            }
            self.receive();
            let now = Instant::now();
            self.talk(now);
            if now.duration_since(looked_after) >= TICK {
                looked_after = now;
                self.look_after(now);
            }
        }
    }

    fn add(&mut self, newcomer: Newcomer) {
        let index = newcomer.index;
        let address = Crowd::address(index);
        let local = SocketAddr::from((address, self.many.port()));
        let link = newcomer.caller.link(&self.config, &newcomer.answered, local);
        let now = Instant::now();
        // Spread over the length of a frame, as people are.
        let start = now + super::case::FRAME * (index as u32 % 20) / 20;
        let talk = newcomer
            .plan
            .map(|plan| Talk::new(plan, start, newcomer.caller.ssrc, newcomer.size));
        let show = newcomer.shows.then(|| Show::new(start, newcomer.caller.ssrc));
        if talk.is_some() || show.is_some() {
            self.talkers.push(index);
        }
        let person = Person {
            caller: newcomer.caller,
            link,
            address,
            talk,
            show,
            asked: newcomer.asked,
            heard: false,
            connected: false,
            streams: Vec::new(),
            received: 0,
            turns: Vec::new(),
        };
        debug_assert_eq!(self.people.len(), index);
        self.people.push(person);
        if let Some(person) = self.people.last_mut() {
            let many = &self.many;
            person
                .link
                .timeout(now, &mut |to, datagram| many.send(address, to, datagram));
        }
    }

    fn begin(&mut self) {
        self.began = Some(Instant::now());
        self.counted = Counted::default();
        for person in &mut self.people {
            person.streams.clear();
            person.turns.clear();
        }
    }

    fn finish(&mut self) -> Measured {
        let length = self.began.take().map_or(Duration::ZERO, |began| began.elapsed());
        let counted = std::mem::take(&mut self.counted);
        let latencies: Vec<f64> = counted.latencies.iter().map(|(_, late)| *late).collect();
        // They come in the order of time; what is left of a second at the end says little.
        let over_time = counted
            .latencies
            .chunk_by(|(a, _), (b, _)| *a as u64 == *b as u64)
            .map(|second| {
                let within: Vec<f64> = second.iter().map(|(_, late)| *late).collect();
                (second[0].0.floor(), Spread::of(&within).p99)
            })
            .filter(|(second, _)| (*second as u64) < length.as_secs())
            .filter_map(|(second, late)| Some((second, late?)))
            .collect();
        let frame = super::case::FRAME.as_secs_f64() * 1e3;
        Measured {
            length,
            sent: counted.sent,
            received: counted.received,
            lost: self
                .people
                .iter()
                .flat_map(|person| &person.streams)
                .map(|(_, reception)| reception.lost())
                .sum(),
            latency: Spread::of(&latencies),
            latency_over_time: over_time,
            clipped: self
                .people
                .iter()
                .flat_map(|person| &person.turns)
                .map(|(.., number)| f64::from(*number) * frame)
                .collect(),
        }
    }

    fn next_packet(&self) -> Option<Instant> {
        let talkers = self.talkers.iter().filter_map(|index| self.people.get(*index));
        talkers
            .filter(|person| person.connected)
            .flat_map(|person| {
                let talk = person.talk.as_ref().map(|talk| talk.due);
                talk.into_iter().chain(person.show.as_ref().map(|show| show.due))
            })
            .min()
    }

    /// Sends what is due.
    fn talk(&mut self, now: Instant) {
        let (mut payload, mut buffer) = ([0; 1_500], [0; 1_600]);
        for index in &self.talkers {
            let Some(person) = self.people.get_mut(*index).filter(|person| person.connected) else {
                continue;
            };
            while let Some(show) = person.show.as_mut().filter(|show| show.due <= now) {
                let Some(piece) = show.next(now, self.epoch, &mut payload) else {
                    break;
                };
                let (caller, payload) = (&person.caller, &payload[..piece.length]);
                let packet =
                    caller.picture(piece.sequence, piece.timestamp, piece.last, payload, &mut buffer);
                let sealed = packet.and_then(|length| person.link.seal_rtp(&mut buffer, length).ok());
                if let (Some(sealed), Some(to)) = (sealed, person.link.remote()) {
                    self.many.send(person.address, to, &buffer[..sealed]);
                    self.counted.sent += 1;
                }
            }
            let Some(talk) = &mut person.talk else {
                continue;
            };
            while talk.due <= now {
                let Some(frame) = talk.next(now, self.epoch, &mut payload) else {
                    continue;
                };
                let (caller, payload) = (&person.caller, &payload[..frame.length]);
                let packet =
                    caller.packet(frame.sequence, frame.timestamp, frame.level, payload, &mut buffer);
                let sealed = packet.and_then(|length| person.link.seal_rtp(&mut buffer, length).ok());
                if let (Some(sealed), Some(to)) = (sealed, person.link.remote()) {
                    self.many.send(person.address, to, &buffer[..sealed]);
                    self.counted.sent += 1;
                }
            }
        }
    }

    fn look_after(&mut self, now: Instant) {
        let many = &self.many;
        for (index, person) in self.people.iter_mut().enumerate() {
            let address = person.address;
            if person.link.poll_timeout().is_some_and(|at| at <= now) {
                person
                    .link
                    .timeout(now, &mut |to, datagram| many.send(address, to, datagram));
            }
            tell(&self.tell, index, person, now);
        }
    }

    fn receive(&mut self) {
        loop {
            let count = self.many.receive().unwrap_or(0);
            let now = Instant::now();
            for n in 0..count {
                self.take(n, now);
            }
            if count < Many::BATCH {
                return;
            }
        }
    }

    fn take(&mut self, n: usize, now: Instant) {
        let (many, datagram) = match self.many.get(n) {
            Some((to, from, datagram)) => ((to, from), datagram),
            None => return,
        };
        let (to, from) = many;
        let [127, 1, high, low] = to.octets() else {
            return;
        };
        let index = usize::from(u16::from_be_bytes([high, low])).wrapping_sub(1);
        let Some(person) = self.people.get_mut(index) else {
            return;
        };
        match Protocol::of(datagram) {
            Some(Protocol::Rtp) => {}
            // Reports are for those who adapt.
            Some(Protocol::Rtcp) => return,
            _ => {
                let mut answers = Vec::new();
                let mut send = |to: SocketAddr, datagram: &[u8]| answers.push((to, datagram.to_vec()));
                // What the service sends wrongly is seen as a link that does not come up.
                let _ = person.link.receive(now, from, datagram, &mut send);
                let address = person.address;
                tell(&self.tell, index, person, now);
                for (to, datagram) in answers {
                    self.many.send(address, to, &datagram);
                }
                return;
            }
        }
        let Some(outside) = Parsed::parse(datagram) else {
            return;
        };
        let (ssrc, sequence) = (outside.ssrc, outside.sequence);
        let at = match person.streams.iter().position(|(of, _)| *of == ssrc) {
            Some(at) => at,
            None => {
                person.streams.push((ssrc, Reception::default()));
                person.streams.len() - 1
            }
        };
        person.streams[at].1.take(sequence);
        person.received += 1;
        self.counted.received += 1;
        if !person.heard {
            person.heard = true;
            let _ = self
                .tell
                .send(Heard::First(index, now.duration_since(person.asked)));
        }
        let sampled = self.began.is_some() && person.received % SAMPLED == 0;
        if !sampled && !self.every_turn {
            return;
        }
        let talker = contributing_source(datagram);
        let Ok(Received::Rtp(length)) = person.link.receive(now, from, datagram, &mut |_, _| {}) else {
            return;
        };
        let mark = datagram.get(..length).and_then(Parsed::parse).and_then(|packet| {
            let head = if packet.payload_type == VP8 { show::HEAD } else { 0 };
            Mark::read(packet.payload.get(head..)?)
        });
        let (Some(mark), Some(began)) = (mark, self.began) else {
            return;
        };
        if sampled {
            let late = (now - self.epoch).saturating_sub(mark.sent).as_secs_f64() * 1e3;
            let at = now.saturating_duration_since(began).as_secs_f64();
            self.counted.latencies.push((at, late));
        }
        if self.every_turn && mark.turn > 0 {
            let turn = (talker, mark.turn);
            if !person
                .turns
                .iter()
                .rev()
                .any(|(talker, of, _)| (*talker, *of) == turn)
            {
                person.turns.push((turn.0, turn.1, mark.number));
            }
        }
    }
}

/// The first contributing source (RFC 3550 section 5.1), 0 for none.
fn contributing_source(packet: &[u8]) -> u32 {
    match packet.get(12..16) {
        Some(&[a, b, c, d]) if packet[0] & 0x0f > 0 => u32::from_be_bytes([a, b, c, d]),
        _ => 0,
    }
}

fn tell(tell: &Sender<Heard>, index: usize, person: &mut Person, now: Instant) {
    while let Some(event) = person.link.poll_event() {
        let heard = match event {
            LinkEvent::Connected => {
                person.connected = true;
                if let Some(talk) = &mut person.talk {
                    talk.due = talk.due.max(now);
                }
                if let Some(show) = &mut person.show {
                    show.due = show.due.max(now);
                }
                Heard::Connected(index)
            }
            LinkEvent::Lost | LinkEvent::Failed(_) => {
                person.connected = false;
                Heard::Lost(index)
            }
            LinkEvent::Address(_) | LinkEvent::Back => continue,
        };
        // Nobody listens any more: the run is over.
        let _ = tell.send(heard);
    }
}
