//! The voice engine of an agent: opened for the first call that needs it, closed after the last, and kept on the best
//! devices that there are meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sidetone_media::device::{
    DeviceError, DeviceId, DeviceInfo, Direction, InputDevice, OutputDevice, Platform,
};
use sidetone_media::packet::VoicePacket;
use sidetone_media::voice::{RATE, VoiceConfig, VoiceEngine, VoiceError};
use sidetone_pipeline::Pool;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::Error;
use crate::devices::supervisor::{Supervisor, Wish};
use crate::devices::{AudioInput, AudioOutput, Listed, Selection};
use crate::options::AudioOptions;

/// What was asked for, or why there is none.
pub enum Opened {
    Engine(Result<Box<Started>, Error>),
    Device(Ordered),
}

/// An engine that runs, and what it runs on.
pub struct Started {
    engine: VoiceEngine,
    sides: [Side; 2],
}

/// A device that was made, or not.
pub struct Ordered {
    direction: Direction,
    /// The number of the order: the last one counts.
    order: u64,
    /// Whether it was ordered by the supervisor.
    id: Option<DeviceId>,
    device: Result<Device, DeviceError>,
}

enum Device {
    Input(Box<dyn InputDevice>),
    Output(Box<dyn OutputDevice>),
}

impl Device {
    fn info(&self) -> DeviceInfo {
        match self {
            Self::Input(device) => device.info(),
            Self::Output(device) => device.info(),
        }
    }
}

/// A microphone or a speaker, as it was picked.
#[derive(Clone)]
enum Pick {
    Input(AudioInput),
    Output(AudioOutput),
}

impl Pick {
    fn direction(&self) -> Direction {
        match self {
            Self::Input(_) => Direction::Input,
            Self::Output(_) => Direction::Output,
        }
    }

    fn wish(&self) -> Wish {
        match self {
            Self::Input(input) => input.wish(),
            Self::Output(output) => output.wish(),
        }
    }

    fn make(&self, platform: &dyn Platform) -> Result<Device, DeviceError> {
        match self {
            Self::Input(input) => input.make(platform).map(Device::Input),
            Self::Output(output) => output.make(platform).map(Device::Output),
        }
    }
}

/// The device of the platform with that id.
fn find(platform: &dyn Platform, direction: Direction, id: &DeviceId) -> Result<Device, DeviceError> {
    match direction {
        Direction::Input => platform.input(Some(id)).map(Device::Input),
        Direction::Output => platform.output(Some(id)).map(Device::Output),
    }
}

/// One side of the engine.
struct Side {
    pick: Pick,
    supervisor: Supervisor,
    in_use: Option<DeviceInfo>,
    /// Orders so far.
    orders: u64,
    /// What the engine was given and has not told of, and whether it is one of the platform's.
    given: VecDeque<(DeviceInfo, bool)>,
}

impl Side {
    fn new(pick: Pick) -> Self {
        let supervisor = Supervisor::new(pick.wish());
        Self {
            pick,
            supervisor,
            in_use: None,
            orders: 0,
            given: VecDeque::new(),
        }
    }

    fn is_own(&self) -> bool {
        self.pick.wish() == Wish::Own
    }

    /// The next device to begin with.
    fn begin(
        &mut self,
        platform: &dyn Platform,
        last: &mut Option<DeviceError>,
        now: Instant,
    ) -> Result<Device, DeviceError> {
        if self.is_own() {
            // It was refused once: there is no other.
            return last.take().map_or_else(|| self.pick.make(platform), Err);
        }
        while let Some(id) = self.supervisor.poll(now) {
            match find(platform, self.pick.direction(), &id) {
                Ok(device) => return Ok(device),
                Err(error) => {
                    self.supervisor.failed(&id, now);
                    *last = Some(error);
                }
            }
        }
        match last.take() {
            Some(error) => Err(error),
            // The platform may have a default one that it does not list.
            None if self.pick.wish() == Wish::Default => self.pick.make(platform),
            None => Err(DeviceError::NotFound(
                match self.pick.direction() {
                    Direction::Input => "no microphone",
                    Direction::Output => "no speaker",
                }
                .to_owned(),
            )),
        }
    }

    /// What it began with is in use.
    fn begun(&mut self, info: DeviceInfo, now: Instant) {
        let id = (!self.is_own()).then(|| info.id.clone());
        self.supervisor.opened(id, now);
        self.in_use = Some(info);
    }
}

/// Starts an engine on the best devices that can be opened.
fn start(
    config: &VoiceConfig,
    pool: &Pool<VoicePacket>,
    platform: &dyn Platform,
    picks: [Pick; 2],
    events: &Arc<Notify>,
    now: Instant,
) -> Result<Box<Started>, Error> {
    let mut sides = picks.map(Side::new);
    if sides.iter().any(|side| !side.is_own()) {
        // A system without sound lists nothing, and says why when it is asked for a device.
        let devices = platform.devices()?;
        for side in &mut sides {
            let direction = side.pick.direction();
            let own = devices.iter().filter(|device| device.direction == direction);
            side.supervisor.listed(own.cloned().collect());
        }
    }
    let mut last = [None, None];
    loop {
        let [input_side, output_side] = &mut sides;
        let [last_input, last_output] = &mut last;
        let input = input_side.begin(platform, last_input, now)?;
        let output = output_side.begin(platform, last_output, now)?;
        let infos = [input.info(), output.info()];
        let (Device::Input(input), Device::Output(output)) = (input, output) else {
            return Err(Error::State("a microphone is no speaker"));
        };
        let events = events.clone();
        match VoiceEngine::start(config.clone(), pool.clone(), input, output, move || {
            events.notify_one()
        }) {
            Ok(engine) => {
                for (side, info) in sides.iter_mut().zip(infos) {
                    side.begun(info, now);
                }
                return Ok(Box::new(Started { engine, sides }));
            }
            Err(VoiceError::Device(direction, error)) => {
                let at = direction as usize;
                for (side, info) in sides.iter_mut().zip(&infos) {
                    if side.pick.direction() == direction {
                        side.supervisor.failed(&info.id, now);
                    } else {
                        // It works, and is opened again.
                        side.supervisor.opened(None, now);
                    }
                }
                last[at] = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

enum State {
    Closed,
    Opening,
    Open(Box<Started>),
}

/// Opens and closes the engine, and changes its devices. All of that can take long, so it happens off the network thread.
pub struct Audio {
    options: AudioOptions,
    pool: Pool<VoicePacket>,
    state: State,
    opened: mpsc::UnboundedSender<Opened>,
    /// The selection that is in use, or on its way, by its revisions.
    revisions: (u64, u64),
    /// A pick made while the engine was being opened.
    missed: Option<Selection>,
    /// The engine before, whose devices may not be free yet.
    last: Option<JoinHandle<()>>,
    /// Notified when the engine has events.
    pub events: Arc<Notify>,
}

/// What an outcome means for calls.
pub enum News {
    /// There is an engine.
    Begun,
    /// An engine, or a device that the app picked, cannot be had. `None` of the direction where it is the engine.
    Failed(Option<Direction>, Error),
    /// Nothing that anybody has to know.
    Nothing,
}

impl Audio {
    pub fn new(
        options: AudioOptions,
        pool: Pool<VoicePacket>,
        opened: mpsc::UnboundedSender<Opened>,
    ) -> Self {
        Self {
            options,
            pool,
            state: State::Closed,
            opened,
            revisions: (0, 0),
            missed: None,
            last: None,
            events: Arc::new(Notify::new()),
        }
    }

    /// The engine, while it is open.
    pub fn engine(&self) -> Option<&VoiceEngine> {
        match &self.state {
            State::Open(started) => Some(&started.engine),
            _ => None,
        }
    }

    /// Opens the engine unless it is, or is about to be. The outcome comes on the channel given to [`Audio::new`], and
    /// goes to [`Audio::opened`].
    pub fn open(&mut self, selection: &Selection, platform: Arc<dyn Platform>, now: Instant) {
        if !matches!(self.state, State::Closed) {
            return;
        }
        self.state = State::Opening;
        self.revisions = (selection.input_revision, selection.output_revision);
        let config = VoiceConfig {
            profile: self.options.profile,
            processing: self.options.processing,
            jitter: self.options.jitter.clone(),
            input_period: frames(self.options.input_period),
            output_period: frames(self.options.output_period),
            rtp_start: rand::random(),
        };
        let picks = [
            Pick::Input(selection.input.clone()),
            Pick::Output(selection.output.clone()),
        ];
        let (pool, events, opened) = (self.pool.clone(), self.events.clone(), self.opened.clone());
        let last = self.last.take();
        tokio::spawn(async move {
            if let Some(last) = last {
                // Devices that only one may hold are free when the engine before is gone.
                let _ = last.await;
            }
            spawn_blocking(move || {
                let started = start(&config, &pool, &*platform, picks, &events, now);
                // A driver that is gone drops the engine again.
                let _ = opened.send(Opened::Engine(started));
            });
        });
    }

    /// Takes an outcome of [`Audio::open`] or of an order in.
    pub fn opened(&mut self, outcome: Opened, platform: &Arc<dyn Platform>, now: Instant) -> News {
        match outcome {
            Opened::Engine(Ok(started)) => {
                self.state = State::Open(started);
                if let Some(picked) = self.missed.take() {
                    self.swap(&picked, platform, now);
                }
                News::Begun
            }
            Opened::Engine(Err(error)) => {
                self.state = State::Closed;
                self.missed = None;
                News::Failed(None, error)
            }
            Opened::Device(ordered) => self.made(ordered, now),
        }
    }

    fn made(&mut self, ordered: Ordered, now: Instant) -> News {
        let Ordered {
            direction,
            order,
            id,
            device,
        } = ordered;
        let State::Open(started) = &mut self.state else {
            return News::Nothing;
        };
        let side = &mut started.sides[direction as usize];
        if side.orders != order {
            // Something else was ordered since.
            if let Some(id) = id {
                side.supervisor.forget(&id);
            }
            return News::Nothing;
        }
        match device {
            Ok(device) => {
                side.given.push_back((device.info(), id.is_some()));
                match device {
                    Device::Input(device) => started.engine.swap_input(device),
                    Device::Output(device) => started.engine.swap_output(device),
                }
                News::Nothing
            }
            Err(error) => {
                let picked = side.pick.wish();
                match id {
                    Some(id) => {
                        side.supervisor.failed(&id, now);
                        if picked == Wish::Device(id) {
                            News::Failed(Some(direction), error.into())
                        } else {
                            News::Nothing
                        }
                    }
                    None => News::Failed(Some(direction), error.into()),
                }
            }
        }
    }

    /// The engine uses a device that it was given, or goes on with the one before since it cannot. What is in use then.
    pub fn given(&mut self, direction: Direction, opened: bool, now: Instant) -> Option<DeviceInfo> {
        let State::Open(started) = &mut self.state else {
            return None;
        };
        let side = &mut started.sides[direction as usize];
        if let Some((info, supervised)) = side.given.pop_front() {
            let id = supervised.then(|| info.id.clone());
            match (opened, id) {
                (true, id) => {
                    side.supervisor.opened(id, now);
                    side.in_use = Some(info);
                }
                (false, Some(id)) => side.supervisor.failed(&id, now),
                (false, None) => {}
            }
        }
        side.in_use.clone()
    }

    /// The device in use went away.
    pub fn lost(&mut self, direction: Direction, now: Instant) {
        if let State::Open(started) = &mut self.state {
            let side = &mut started.sides[direction as usize];
            side.supervisor.lost(now);
            side.in_use = None;
        }
    }

    /// What is in use: microphone, speaker.
    pub fn in_use(&self) -> [Option<DeviceInfo>; 2] {
        match &self.state {
            State::Open(started) => started.sides.each_ref().map(|side| side.in_use.clone()),
            _ => [None, None],
        }
    }

    /// Whether any of its devices is to be replaced when it goes.
    pub fn is_supervised(&self) -> bool {
        match &self.state {
            State::Open(started) => started.sides.iter().any(|side| side.supervisor.is_needed()),
            _ => false,
        }
    }

    /// Whether it runs on something else than was picked.
    pub fn is_makeshift(&self) -> bool {
        match &self.state {
            State::Open(started) => started.sides.iter().any(|side| side.supervisor.is_makeshift()),
            _ => false,
        }
    }

    /// What the platform lists now.
    pub fn listed(&mut self, listed: &Listed) {
        if let State::Open(started) = &mut self.state {
            for side in &mut started.sides {
                side.supervisor.listed(listed.of(side.pick.direction()));
            }
        }
    }

    /// Sees to it that the best devices are used. Whether the list must be looked at for that.
    pub fn supervise(&mut self, platform: &Arc<dyn Platform>, now: Instant) -> bool {
        let State::Open(started) = &mut self.state else {
            return false;
        };
        let mut look = false;
        for side in &mut started.sides {
            look |= side.supervisor.wants_list();
            if let Some(id) = side.supervisor.poll(now) {
                side.orders += 1;
                let (direction, order) = (side.pick.direction(), side.orders);
                let (platform, opened) = (platform.clone(), self.opened.clone());
                spawn_blocking(move || {
                    let device = find(&*platform, direction, &id);
                    let _ = opened.send(Opened::Device(Ordered {
                        direction,
                        order,
                        id: Some(id),
                        device,
                    }));
                });
            }
        }
        look
    }

    /// Puts what the app picked into the engine that is open, or is about to be.
    pub fn swap(&mut self, picked: &Selection, platform: &Arc<dyn Platform>, now: Instant) {
        let before = self.revisions;
        let started = match &mut self.state {
            State::Closed => return,
            State::Opening => {
                self.missed = Some(picked.clone());
                return;
            }
            State::Open(started) => started,
        };
        self.revisions = (picked.input_revision, picked.output_revision);
        let changed = [
            (self.revisions.0 != before.0).then(|| Pick::Input(picked.input.clone())),
            (self.revisions.1 != before.1).then(|| Pick::Output(picked.output.clone())),
        ];
        for pick in changed.into_iter().flatten() {
            let side = &mut started.sides[pick.direction() as usize];
            side.supervisor.pick(pick.wish());
            side.pick = pick.clone();
            // What was ordered before is of no use.
            side.orders += 1;
            if side.is_own() {
                let (direction, order) = (pick.direction(), side.orders);
                let (platform, opened) = (platform.clone(), self.opened.clone());
                spawn_blocking(move || {
                    let device = pick.make(&*platform);
                    let _ = opened.send(Opened::Device(Ordered {
                        direction,
                        order,
                        id: None,
                        device,
                    }));
                });
            }
        }
        self.supervise(platform, now);
    }

    /// Closes the engine. One that is being opened is closed when it is open.
    pub fn close(&mut self) {
        if let State::Open(_) = &self.state
            && let State::Open(engine) = std::mem::replace(&mut self.state, State::Closed)
        {
            // Dropping joins two threads and closes two devices.
            self.last = Some(spawn_blocking(move || drop(engine)));
        }
    }
}

fn frames(period: Duration) -> u32 {
    (period.as_secs_f64() * f64::from(RATE))
        .round()
        .clamp(1.0, f64::from(RATE)) as u32
}
