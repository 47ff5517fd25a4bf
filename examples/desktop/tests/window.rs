//! The app as people start it, on an X server of the test's own: it answers a call, and its window shows the far end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../tests/support/xvfb.rs"]
mod xvfb;

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use sidetone::capture::screen::x11::Desktop;
use sidetone::capture::{CaptureRequest, Capturer, FrameRate, newest};
use sidetone::media::pictures::coding::colour::{self, PixelFormat};
use sidetone::media::pictures::{Picture, Size};
use sidetone::{
    AgentOptions, AudioInput, AudioOutput, CallClient, Credential, Identifier, LocalVideoStream,
    NetworkOptions, StartCallOptions, VideoInput,
};
use sidetone_server::{Server, ServerConfig, TokenRequest};
use xvfb::Xvfb;

/// Nothing here takes anywhere near this long: what does is stuck.
const STUCK: Duration = Duration::from_secs(60);

/// A process that is killed with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn identifier(name: &str) -> Identifier {
    Identifier::member("acme", name).unwrap()
}

/// The colour at a place, both sides from 0 to 1.
fn colour_at(screen: &Picture, (x, y): (f64, f64)) -> [i32; 3] {
    let size = screen.size();
    let stride = size.width() as usize * 4;
    let mut pixels = vec![0; stride * size.height() as usize];
    colour::read(screen, PixelFormat::Rgba, &mut pixels, stride).unwrap();
    let (column, row) = (x * f64::from(size.width()), y * f64::from(size.height()));
    let at = row as usize * stride + column as usize * 4;
    [0, 1, 2].map(|part| i32::from(pixels[at + part]))
}

#[test]
fn the_far_end_is_seen_in_the_window_and_hangs_up() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(Server::start(ServerConfig::default())).unwrap();
    let token = |name: &str| {
        let issued = server.issue_token(TokenRequest::new(identifier(name))).unwrap();
        issued.token.into_exposed()
    };
    let display = Xvfb::start("1120x720x24", &[]);
    let app = Command::new(env!("CARGO_BIN_EXE_sidetone-desktop"))
        .args([
            "--server",
            &server.url(),
            "--answer",
            "--silent",
            "--media-bind",
            "127.0.0.1:0",
        ])
        .env("SIDETONE_TOKEN", token("bob"))
        .env("DISPLAY", &display.name)
        .env_remove("WAYLAND_DISPLAY")
        .spawn();
    let mut app = Killed(app.unwrap());

    let client = CallClient::new().unwrap();
    client.device_manager().select_microphone(AudioInput::Silence);
    client.device_manager().select_speaker(AudioOutput::Null);
    let options = AgentOptions {
        network: NetworkOptions {
            bind: vec!["127.0.0.1:0".parse().unwrap()],
            ..NetworkOptions::default()
        },
        ..AgentOptions::default()
    };
    let agent = client.create_call_agent(&server.url(), Credential::new(token("ann")), options);
    let agent = agent.wait().unwrap();
    let began = Instant::now();
    // Until the app is online nobody can be reached.
    let call = loop {
        let options = StartCallOptions {
            video: Some(LocalVideoStream::with(
                sidetone::MediaStreamType::Video,
                VideoInput::Pattern,
                CaptureRequest {
                    size: Some(Size::P360),
                    frame_rate: FrameRate::hz(15),
                    cursor: false,
                },
            )),
            ..StartCallOptions::default()
        };
        let call = agent.start_call(identifier("bob"), options).wait().unwrap();
        while call.end_reason().is_none() && call.state() != sidetone::CallState::Connected {
            assert!(began.elapsed() < STUCK, "no call: {:?}", call.state());
            std::thread::sleep(Duration::from_millis(10));
        }
        if call.end_reason().is_none() {
            break call;
        }
        assert!(app.0.try_wait().unwrap().is_none(), "the app is gone");
        std::thread::sleep(Duration::from_millis(200));
    };

    // The bars of the test picture, left to right; away from the corners, words, and the own picture.
    let mut expected = Picture::black(Size::P360);
    sidetone::capture::camera::pattern::draw(&mut expected, 0, Duration::ZERO);
    let bars = [0, 1, 2, 3, 4, 5, 6, 7].map(|bar| (f64::from(bar) + 0.5) / 8.0);
    let (sink, looks) = newest();
    let mut capturer = Capturer::new(sink, Instant::now());
    let mut source = Desktop::new(Some(&display.name)).source(None).unwrap();
    capturer
        .start(&mut source, CaptureRequest::default(), Instant::now())
        .unwrap();
    let mut seen = Vec::new();
    loop {
        if let Some(screen) = looks.wait(Duration::from_secs(1)) {
            // The large place, as the view lays it out in a window of this size: 1096 by 610 at 12, 12, and fit in it.
            let (width, height) = (610.0 * 16.0 / 9.0, 610.0);
            let left = 12.0 + (1096.0 - width) / 2.0;
            let place = |x: f64| ((left + x * width) / 1120.0, (12.0 + 0.4 * height) / 720.0);
            seen = bars
                .map(|x| (colour_at(&screen, place(x)), colour_at(&expected, (x, 0.4))))
                .to_vec();
            let alike = |(one, other): &([i32; 3], [i32; 3])| {
                one.iter().zip(other).all(|(one, other)| (one - other).abs() < 24)
            };
            if seen.iter().all(alike) {
                break;
            }
        }
        assert!(began.elapsed() < STUCK, "seen, and expected: {seen:?}");
    }
    // The app's own camera comes as well.
    while !call
        .remote_video_streams()
        .iter()
        .any(|stream| stream.is_available())
    {
        assert!(began.elapsed() < STUCK, "the app shows no camera");
        std::thread::sleep(Duration::from_millis(10));
    }
    call.hang_up().unwrap();
    // The bars are gone from the window, which stays and says that the call is over.
    loop {
        if let Some(screen) = looks.wait(Duration::from_secs(1)) {
            let at = colour_at(&screen, (0.2, 0.2));
            if at
                .iter()
                .zip([0x0f, 0x12, 0x16])
                .all(|(seen, ground)| (seen - ground).abs() < 12)
            {
                break;
            }
        }
        assert!(began.elapsed() < STUCK, "the call goes on in the window");
    }
    assert!(app.0.try_wait().unwrap().is_none(), "the window stays");
}
