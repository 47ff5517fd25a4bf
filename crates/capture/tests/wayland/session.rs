//! A desktop session of the test's own, in a folder of its own: message bus, PipeWire, a compositor without a monitor,
//! and the portal. The person at it is a script, which answers what the test says.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sidetone_capture::screen::wayland::Desktop;

use crate::looking::PATIENCE;

/// Size of the screen at the beginning.
pub const SIZE: (u32, u32) = (640, 480);

/// Where Debian has the programs that a bus starts.
const LIBEXEC: &str = "/usr/libexec";

/// The portal's part that belongs to the compositor.
const BACK_END: &str = "xdg-desktop-portal-wlr";

/// Tests look at the threads of their process, so one runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A running session. Its processes end when it is dropped.
pub struct Session {
    /// Those started later depend on those started before.
    children: Vec<(&'static str, Child)>,
    /// The desktop as a program that is started in it sees it.
    pub desktop: Desktop,
    folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Session {
    /// A session with one black screen, and a person who picks that screen.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::set_permissions(root, fs::Permissions::from_mode(0o700)).unwrap();
        let bus = format!("unix:path={}", root.join("bus").display());
        let mut session = Self {
            children: Vec::new(),
            desktop: Desktop::new(Some(&bus)),
            folder,
            _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner),
        };
        session.write_settings(&bus);
        session.answer("HEADLESS-1");
        let bus_settings = session.path("bus.conf");
        let screen_settings = session.path("sway.conf");
        session.run(
            "dbus-daemon",
            &["--nofork".as_ref(), "--config-file".as_ref(), &bus_settings],
        );
        session.until_there("bus");
        session.run("pipewire", &[]);
        session.until_there("pipewire-0");
        session.run("wireplumber", &[]);
        session.run_unprivileged("sway", &["--config".as_ref(), &screen_settings]);
        session.until_there("wayland-1");
        session.until_there("sway.sock");
        session.run("xdg-permission-store", &[]);
        session.run_back_end();
        session.until_named("org.freedesktop.impl.portal.desktop.wlr");
        session.until_named("org.freedesktop.impl.portal.PermissionStore");
        session.run("xdg-desktop-portal", &[]);
        session.until("a portal that shows screens", |session| {
            session.desktop.screens().is_ok()
        });
        session
    }

    fn write_settings(&self, bus: &str) {
        // Starts nothing by itself: what it starts, nobody here could end.
        let bus = format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
                "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
                <type>session</type>
                <listen>{bus}</listen>
                <auth>EXTERNAL</auth>
                <policy context="default">
                    <allow send_destination="*" eavesdrop="true"/>
                    <allow eavesdrop="true"/>
                    <allow own="*"/>
                </policy>
            </busconfig>"#
        );
        fs::write(self.path("bus.conf"), bus).unwrap();
        let (width, height) = SIZE;
        let screen = format!(
            "xwayland disable\noutput HEADLESS-1 resolution {width}x{height}\n\
             output HEADLESS-1 background #000000 solid_color\n"
        );
        fs::write(self.path("sway.conf"), screen).unwrap();
        let person = self.path("person");
        let asked = self.path("asked");
        let answer = self.path("answer");
        let script = format!(
            // Thinks until there is an answer, or the session is gone.
            "#!/bin/sh\necho asked >>'{asked}'\n\
             while [ -e '{asked}' ] && [ ! -e '{answer}' ]; do sleep 0.1; done\n\
             exec cat '{answer}'\n",
            asked = asked.display(),
            answer = answer.display()
        );
        fs::write(&person, script).unwrap();
        fs::set_permissions(&person, fs::Permissions::from_mode(0o700)).unwrap();
        let portal = format!(
            "[screencast]\nmax_fps=60\nchooser_type=simple\nchooser_cmd={}\n",
            person.display()
        );
        let folder = self.path("config/xdg-desktop-portal-wlr");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config"), portal).unwrap();
    }

    /// What the person says from now on: the name of a screen, or nothing.
    pub fn answer(&self, answer: &str) {
        fs::write(self.path("answer"), answer).unwrap();
    }

    /// The person thinks for longer than any test waits, from now on.
    pub fn hesitate(&self) {
        fs::remove_file(self.path("answer")).unwrap();
    }

    /// The address of its bus.
    pub fn bus(&self) -> String {
        format!("unix:path={}", self.path("bus").display())
    }

    /// How often the person was asked.
    pub fn asked(&self) -> usize {
        fs::read_to_string(self.path("asked"))
            .unwrap_or_default()
            .lines()
            .count()
    }

    /// Tells the compositor something.
    pub fn tell(&self, command: &str) {
        let told = self
            .command("swaymsg")
            .arg("--quiet")
            .arg(command)
            .status()
            .unwrap();
        assert!(told.success(), "{command}");
    }

    /// Gives the screen one colour.
    pub fn paint(&self, colour: u32) {
        self.tell(&format!("output HEADLESS-1 background #{colour:06x} solid_color"));
    }

    /// Shows a picture in a file.
    pub fn show(&self, picture: &Path) {
        self.tell(&format!(
            "output HEADLESS-1 background {} stretch",
            picture.display()
        ));
    }

    /// What the portal's part has said.
    pub fn told(&self) -> String {
        fs::read_to_string(self.path(&format!("{BACK_END}.log"))).unwrap()
    }

    /// The screens that PipeWire hands out now.
    pub fn streams(&self) -> usize {
        let listed = self
            .command("pw-cli")
            .args(["list-objects", "Node"])
            .output()
            .unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        listed.matches("media.class = \"Video/Source\"").count()
    }

    /// Ends one of the session's programs at once, as a crash would.
    pub fn kill(&mut self, program: &str) {
        let place = self
            .children
            .iter()
            .position(|(name, _)| *name == program)
            .unwrap();
        let (_, mut child) = self.children.remove(place);
        end(&mut child);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until it is so.
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let patience = Instant::now() + PATIENCE;
        while !is_so(self) {
            for (name, child) in &mut self.children {
                let ended = child.try_wait().unwrap();
                assert!(
                    ended.is_none(),
                    "{name} ended while waiting for {what}: {ended:?}"
                );
            }
            assert!(Instant::now() < patience, "never there: {what}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn until_there(&mut self, file: &str) {
        self.until(file, |session| session.path(file).exists());
    }

    fn until_named(&mut self, name: &str) {
        let asked = format!("string:{name}");
        self.until(name, |session| {
            let answer = session
                .command("dbus-send")
                .args([
                    "--session",
                    "--print-reply=literal",
                    "--dest=org.freedesktop.DBus",
                    "/",
                ])
                .args(["org.freedesktop.DBus.NameHasOwner", &asked])
                .output()
                .unwrap();
            String::from_utf8_lossy(&answer.stdout).contains("true")
        });
    }

    fn run(&mut self, program: &'static str, arguments: &[&Path]) {
        let mut command = self.command(program);
        command.args(arguments);
        self.keep(program, command);
    }

    /// The compositor refuses to be root's. As a user of a namespace of its own it is not, and may not become it again.
    fn run_unprivileged(&mut self, program: &'static str, arguments: &[&Path]) {
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return self.run(program, arguments);
        }
        let mut command = self.command("unshare");
        command
            .args(["--user", "--map-user=1000", "--map-group=1000", program])
            .args(arguments);
        self.keep(program, command);
    }

    fn run_back_end(&mut self) {
        let offer = self.path("without_dmabuf.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wayland/without_dmabuf.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(&offer)
            .args([source, "-ldl"])
            .status();
        assert!(
            built
                .expect("a C compiler is needed: tools/packages test")
                .success()
        );
        let mut command = self.command(BACK_END);
        command.args(["--loglevel", "INFO"]).env("LD_PRELOAD", &offer);
        self.keep(BACK_END, command);
    }

    fn keep(&mut self, program: &'static str, mut command: Command) {
        let log = fs::File::create(self.path(&format!("{program}.log"))).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program} is needed: tools/packages test ({error})"));
        self.children.push((program, child));
    }

    /// A command in this session, which sees nothing of the one around it.
    fn command(&self, program: &str) -> Command {
        let path = format!("{}:{LIBEXEC}", std::env::var("PATH").unwrap_or_default());
        let found = std::env::split_paths(&path)
            .map(|folder| folder.join(program))
            .find(|file| file.exists())
            .unwrap_or_else(|| panic!("{program} is needed: tools/packages test"));
        let mut command = Command::new(found);
        command
            .env_clear()
            .env("PATH", path)
            .env("LANG", "C.UTF-8")
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("XDG_CURRENT_DESKTOP", "sway")
            .env("DBUS_SESSION_BUS_ADDRESS", self.bus())
            .env("SWAYSOCK", self.path("sway.sock"))
            .env("WLR_BACKENDS", "headless")
            .env("WLR_RENDERER", "pixman")
            .env("WLR_LIBINPUT_NO_DEVICES", "1");
        if program != "sway" && program != "unshare" {
            command.env("WAYLAND_DISPLAY", "wayland-1");
        }
        command
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for (_, child) in self.children.iter_mut().rev() {
            end(child);
        }
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
