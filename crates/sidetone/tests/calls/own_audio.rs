//! The app brings its own sound, both ways.

use std::path::Path;

use sidetone::AudioInput;
use sidetone::media::device::headless::SoundFile;

use crate::support::speech::{self, WOMAN};
use crate::support::{Phone, Service, call_between, phone, plain, until};

#[test]
fn what_the_app_writes_is_what_the_far_app_reads() {
    let service = Service::start();
    let (input, feed) = AudioInput::raw();
    let ann = Phone::new(&service.server.url(), service.token("ann"), input, plain());
    let mut bob = phone(&service, "bob");
    assert_eq!(feed.write(&[0.0; 480]), 0, "no call has the microphone open");
    let (call, _answered) = call_between(&ann, &mut bob);

    let woman = SoundFile::read(Path::new(&speech::path(WOMAN)))
        .unwrap()
        .resampled(48_000)
        .unwrap()
        .samples;
    let writer = std::thread::spawn({
        let (call, feed) = (call.clone(), feed.clone());
        move || {
            let mut rest = woman.iter().copied().cycle();
            let mut block = Vec::new();
            while call.end_reason().is_none() {
                block.extend(rest.by_ref().take(960 - block.len()));
                let taken = feed.write(&block);
                block.drain(..taken);
                if taken == 0 {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            }
        }
    });
    bob.hears(WOMAN);
    assert!(feed.waiting() <= 24_000, "half a second may wait, no more");
    call.hang_up().unwrap();
    writer.join().unwrap();
    until("the microphone is closed", || {
        feed.waiting() == 0 || feed.write(&[0.0; 1]) <= 1
    });
}
