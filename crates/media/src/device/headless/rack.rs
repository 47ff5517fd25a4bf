//! A rack of virtual devices that are plugged in and pulled out while they are in use, and fail as real ones do.
//!
//! What a person does to a cable, a test does here: the same [`Platform`] that sound cards have, on a real or a manual
//! clock. It refuses to know who uses the devices.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{HOST, HeadlessInput, HeadlessOutput, Pacing, Sink, Source};
use crate::device::platform::{Changed, Platform};
use crate::device::{
    CaptureStream, DeviceError, DeviceId, DeviceInfo, Direction, EventSender, InputDevice, OutputDevice,
    PlayoutStream, StreamEvent, StreamFormat, StreamRequest, stream_events,
};
use sidetone_pipeline::Notifier;

/// Makes what a microphone hears, or where a speaker's sound goes, each time the device is opened.
enum End {
    Microphone(Box<dyn Fn(StreamFormat) -> Box<dyn Source> + Send + Sync>),
    Speaker(Box<dyn Fn(StreamFormat) -> Box<dyn Sink> + Send + Sync>),
}

impl End {
    fn direction(&self) -> Direction {
        match self {
            Self::Microphone(_) => Direction::Input,
            Self::Speaker(_) => Direction::Output,
        }
    }
}

/// A device in the rack.
struct Unit {
    name: String,
    format: StreamFormat,
    end: End,
    pacing: Pacing,
    refusal: Option<DeviceError>,
    /// Streams that are open, or were.
    open: Vec<Cable>,
}

/// What holds an open stream, and who is told when it breaks.
struct Cable {
    stream: Arc<Mutex<Option<Box<dyn Send>>>>,
    events: EventSender,
}

impl Cable {
    fn cut(self) {
        // Once this is gone no callback follows.
        let stream = lock(&self.stream).take();
        drop(stream);
        self.events.send(StreamEvent::Lost);
    }
}

/// Holds the one end of a [`Cable`].
struct Held(Arc<Mutex<Option<Box<dyn Send>>>>);

impl Drop for Held {
    fn drop(&mut self) {
        let stream = lock(&self.0).take();
        drop(stream);
    }
}

#[derive(Default)]
struct Units {
    list: Vec<Unit>,
    /// Names of the default microphone and speaker, where they are not the first.
    defaults: [Option<String>; 2],
    watchers: Vec<(u64, Changed)>,
    last: u64,
}

impl Units {
    fn default_of(&self, direction: Direction) -> Option<&Unit> {
        let named = self.defaults[direction as usize].as_deref();
        let mut all = self.list.iter().filter(|unit| unit.end.direction() == direction);
        let first = all.clone().next();
        all.find(|unit| Some(unit.name.as_str()) == named).or(first)
    }

    fn info(&self, unit: &Unit) -> DeviceInfo {
        let direction = unit.end.direction();
        let default = self.default_of(direction).map(|unit| unit.name.as_str());
        DeviceInfo {
            id: Rack::id(&unit.name),
            name: unit.name.clone(),
            host: HOST.to_owned(),
            direction,
            is_default: default == Some(unit.name.as_str()),
            default_format: Some((unit.format, "f32".to_owned())),
        }
    }
}

/// Virtual devices. Clones are the same rack.
#[derive(Clone, Default)]
pub struct Rack {
    units: Arc<Mutex<Units>>,
    pacing: Pacing,
}

impl Rack {
    /// An empty rack whose devices run by `pacing`.
    pub fn new(pacing: Pacing) -> Self {
        Self {
            units: Arc::default(),
            pacing,
        }
    }

    /// The id of the device with that name.
    pub fn id(name: &str) -> DeviceId {
        DeviceId(format!("{HOST}:{name}"))
    }

    /// Plugs a microphone in, behind those that are there. `source` makes what it hears each time it is opened.
    pub fn plug_microphone(
        &self,
        name: &str,
        format: StreamFormat,
        source: impl Fn(StreamFormat) -> Box<dyn Source> + Send + Sync + 'static,
    ) {
        self.plug(name, format, End::Microphone(Box::new(source)));
    }

    /// Plugs a speaker in, behind those that are there. `sink` makes where its sound goes each time it is opened.
    pub fn plug_speaker(
        &self,
        name: &str,
        format: StreamFormat,
        sink: impl Fn(StreamFormat) -> Box<dyn Sink> + Send + Sync + 'static,
    ) {
        self.plug(name, format, End::Speaker(Box::new(sink)));
    }

    fn plug(&self, name: &str, format: StreamFormat, end: End) {
        self.unplug(name);
        lock(&self.units).list.push(Unit {
            name: name.to_owned(),
            format,
            end,
            pacing: self.pacing.clone(),
            refusal: None,
            open: Vec::new(),
        });
        self.tell();
    }

    /// Pulls the device with that name out. What is open of it is lost.
    pub fn unplug(&self, name: &str) {
        let gone: Vec<Unit> = {
            let mut units = lock(&self.units);
            units.list.extract_if(.., |unit| unit.name == name).collect()
        };
        if gone.is_empty() {
            return;
        }
        gone.into_iter().flat_map(|unit| unit.open).for_each(Cable::cut);
        self.tell();
    }

    /// Makes that device the default of its direction, now and whenever it is plugged in.
    pub fn set_default(&self, direction: Direction, name: &str) {
        lock(&self.units).defaults[direction as usize] = Some(name.to_owned());
        self.tell();
    }

    /// Has the device run in another format from now on, as one does whose Bluetooth profile changes: what is open of it is
    /// lost.
    pub fn reformat(&self, name: &str, format: StreamFormat) {
        let cut = self.change(name, |unit| {
            unit.format = format;
            std::mem::take(&mut unit.open)
        });
        cut.into_iter().flatten().for_each(Cable::cut);
        self.tell();
    }

    /// Has the device refuse to be opened, such as while another program has it; `None` for no longer.
    pub fn refuse(&self, name: &str, refusal: Option<DeviceError>) {
        self.change(name, |unit| unit.refusal = refusal);
    }

    /// Has the device's crystal run so much too fast, in millionths, when it is opened next.
    pub fn skew(&self, name: &str, ppm: f64) {
        self.change(name, |unit| unit.pacing = Pacing::skewed(ppm));
    }

    /// Tells whoever uses the device of an overrun or underrun.
    pub fn overrun(&self, name: &str) {
        self.change(name, |unit| {
            for cable in &unit.open {
                cable.events.send(StreamEvent::Xrun);
            }
        });
    }

    /// How many streams of the device are open.
    pub fn streams(&self, name: &str) -> usize {
        let open = self.change(name, |unit| {
            unit.open.retain(|cable| lock(&cable.stream).is_some());
            unit.open.len()
        });
        open.unwrap_or_default()
    }

    fn change<T>(&self, name: &str, change: impl FnOnce(&mut Unit) -> T) -> Option<T> {
        let mut units = lock(&self.units);
        let unit = units.list.iter_mut().find(|unit| unit.name == name);
        unit.map(change)
    }

    fn tell(&self) {
        let watchers = lock(&self.units).watchers.clone();
        for (_, watcher) in watchers {
            watcher();
        }
    }

    fn find(&self, id: Option<&DeviceId>, direction: Direction) -> Result<Socket, DeviceError> {
        let units = lock(&self.units);
        let found = match id {
            Some(id) => units
                .list
                .iter()
                .find(|unit| Self::id(&unit.name) == *id && unit.end.direction() == direction),
            None => units.default_of(direction),
        };
        let missing = || DeviceError::NotFound(id.map_or_else(|| "default".to_owned(), |id| id.0.clone()));
        let info = units.info(found.ok_or_else(missing)?);
        Ok(Socket {
            rack: self.clone(),
            info,
        })
    }
}

impl Platform for Rack {
    fn devices(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
        let units = lock(&self.units);
        Ok(units.list.iter().map(|unit| units.info(unit)).collect())
    }

    fn input(&self, id: Option<&DeviceId>) -> Result<Box<dyn InputDevice>, DeviceError> {
        Ok(Box::new(self.find(id, Direction::Input)?))
    }

    fn output(&self, id: Option<&DeviceId>) -> Result<Box<dyn OutputDevice>, DeviceError> {
        Ok(Box::new(self.find(id, Direction::Output)?))
    }

    fn watch(&self, changed: Changed) -> Option<Box<dyn Send>> {
        let mut units = lock(&self.units);
        units.last += 1;
        let key = units.last;
        units.watchers.push((key, changed));
        Some(Box::new(Watching {
            units: self.units.clone(),
            key,
        }))
    }
}

/// Whoever watches a rack.
struct Watching {
    units: Arc<Mutex<Units>>,
    key: u64,
}

impl Drop for Watching {
    fn drop(&mut self) {
        lock(&self.units).watchers.retain(|(key, _)| *key != self.key);
    }
}

/// One device of a rack, as it was listed: it may be gone when it is opened.
struct Socket {
    rack: Rack,
    info: DeviceInfo,
}

impl Socket {
    /// The unit as it is now.
    fn with<T>(&self, open: impl FnOnce(&mut Unit) -> Result<T, DeviceError>) -> Result<T, DeviceError> {
        let opened = self.rack.change(&self.info.name, |unit| match &unit.refusal {
            Some(refusal) => Err(refusal.clone()),
            None => open(unit),
        });
        opened.unwrap_or_else(|| Err(DeviceError::NotFound(self.info.id.0.clone())))
    }

    /// Puts a cable into an opened stream.
    fn cable(unit: &mut Unit, keep: &mut Box<dyn Send>, events: &mut crate::device::StreamEvents) {
        let (sender, told) = stream_events();
        *events = told;
        let stream = Arc::new(Mutex::new(None));
        let held = Held(stream.clone());
        *lock(&stream) = Some(std::mem::replace(keep, Box::new(held)));
        unit.open.retain(|cable| lock(&cable.stream).is_some());
        unit.open.push(Cable {
            stream,
            events: sender,
        });
    }

    fn wrong_way(&self) -> DeviceError {
        DeviceError::NotFound(self.info.id.0.clone())
    }
}

impl InputDevice for Socket {
    fn info(&self) -> DeviceInfo {
        self.info.clone()
    }

    fn open(&mut self, request: StreamRequest, wake: Notifier) -> Result<CaptureStream, DeviceError> {
        self.with(|unit| {
            let End::Microphone(source) = &unit.end else {
                return Err(self.wrong_way());
            };
            let device = HeadlessInput::new(&unit.name, unit.format, source(unit.format))?;
            let mut stream = device.paced(unit.pacing.clone()).open(request, wake)?;
            Self::cable(unit, &mut stream.keep, &mut stream.events);
            Ok(stream)
        })
    }
}

impl OutputDevice for Socket {
    fn info(&self) -> DeviceInfo {
        self.info.clone()
    }

    fn open(&mut self, request: StreamRequest, wake: Notifier) -> Result<PlayoutStream, DeviceError> {
        self.with(|unit| {
            let End::Speaker(sink) = &unit.end else {
                return Err(self.wrong_way());
            };
            let device = HeadlessOutput::new(&unit.name, unit.format, sink(unit.format))?;
            let mut stream = device.paced(unit.pacing.clone()).open(request, wake)?;
            Self::cable(unit, &mut stream.keep, &mut stream.events);
            Ok(stream)
        })
    }
}

/// No holder of these locks can leave half a value behind.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::super::{ManualClock, Silence};
    use super::*;
    use sidetone_pipeline::notifier;

    const MONO: StreamFormat = StreamFormat {
        sample_rate: 48_000,
        channels: 1,
    };
    const PHONE: StreamFormat = StreamFormat {
        sample_rate: 16_000,
        channels: 1,
    };

    fn rack() -> (Rack, ManualClock) {
        let clock = ManualClock::new(Instant::now());
        let rack = Rack::new(Pacing::Manual(clock.clone()));
        for name in ["built in", "headset"] {
            rack.plug_microphone(name, MONO, |_| Box::new(Silence));
        }
        rack.plug_speaker("loudspeaker", MONO, |_| Box::new(Silence));
        (rack, clock)
    }

    fn names(rack: &Rack) -> Vec<(String, bool)> {
        let devices = rack.devices().unwrap().into_iter();
        devices.map(|device| (device.name, device.is_default)).collect()
    }

    fn open(rack: &Rack, id: Option<&DeviceId>) -> Result<CaptureStream, DeviceError> {
        rack.input(id)?.open(StreamRequest::default(), notifier().0)
    }

    #[test]
    fn what_is_plugged_in_is_listed_and_watchers_are_told() {
        let (rack, _) = rack();
        let told = Arc::new(AtomicUsize::new(0));
        let count = told.clone();
        let watching = rack.watch(Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        let listed = |names: &[(&str, bool)]| -> Vec<(String, bool)> {
            names
                .iter()
                .map(|(name, default)| ((*name).to_owned(), *default))
                .collect()
        };
        assert_eq!(
            names(&rack),
            listed(&[("built in", true), ("headset", false), ("loudspeaker", true)])
        );
        rack.set_default(Direction::Input, "headset");
        assert_eq!(
            names(&rack),
            listed(&[("built in", false), ("headset", true), ("loudspeaker", true)])
        );
        rack.unplug("headset");
        assert_eq!(names(&rack), listed(&[("built in", true), ("loudspeaker", true)]));
        rack.unplug("headset");
        assert_eq!(told.load(Ordering::Relaxed), 2);
        drop(watching);
        rack.unplug("built in");
        assert_eq!(told.load(Ordering::Relaxed), 2);
        assert!(matches!(
            rack.input(None).map(drop),
            Err(DeviceError::NotFound(_))
        ));
    }

    #[test]
    fn a_cable_that_is_pulled_is_a_loss_after_which_nothing_comes() {
        let (rack, clock) = rack();
        let mut stream = open(&rack, Some(&Rack::id("headset"))).unwrap();
        clock.advance(Duration::from_millis(100));
        let came = stream.samples.len();
        assert_eq!(came, 4_800);
        assert_eq!((rack.streams("headset"), stream.events.poll()), (1, None));
        rack.unplug("headset");
        clock.advance(Duration::from_millis(100));
        assert_eq!(stream.samples.len(), came);
        assert_eq!(stream.events.poll(), Some(StreamEvent::Lost));
        assert!(open(&rack, Some(&Rack::id("headset"))).is_err());
    }

    #[test]
    fn another_format_is_a_loss_and_the_next_stream_has_it() {
        let (rack, _) = rack();
        let mut stream = open(&rack, None).unwrap();
        rack.overrun("built in");
        rack.reformat("built in", PHONE);
        assert_eq!(stream.events.poll(), Some(StreamEvent::Xrun));
        assert_eq!(stream.events.poll(), Some(StreamEvent::Lost));
        assert_eq!(open(&rack, None).unwrap().format, PHONE);
        assert_eq!(rack.streams("built in"), 0, "the last one is closed");
    }

    #[test]
    fn one_that_refuses_says_why() {
        let (rack, _) = rack();
        let busy = DeviceError::Unavailable {
            id: "headset".into(),
            reason: "in use".into(),
        };
        rack.refuse("headset", Some(busy.clone()));
        let headset = Rack::id("headset");
        assert_eq!(open(&rack, Some(&headset)).map(drop), Err(busy));
        rack.refuse("headset", None);
        assert!(open(&rack, Some(&headset)).is_ok());
    }
}
