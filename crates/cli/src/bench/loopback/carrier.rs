//! Carries orders to an end and notices back: over the pipes of a child process, or between threads.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::wire::{EndConfig, Notice, Order, Role};
use super::{args::Ends, end, room};

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Caller,
    Callee,
}

/// The conductor's hold on an end, or on the rooms. Dropping it makes the end leave, and waits until it has.
pub struct Carrier {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    child: Option<Child>,
}

impl Carrier {
    /// Starts an end, with these variables if it is a process.
    pub fn start(
        side: Side,
        ends: Ends,
        config: EndConfig,
        environment: &[(String, String)],
        notices: Sender<(Side, Notice)>,
    ) -> std::io::Result<Self> {
        match ends {
            Ends::Thread => Ok(Self::thread(side, config, notices)),
            Ends::Process => Self::process(side, &Role::End(config), environment, notices),
        }
    }

    fn thread(side: Side, config: EndConfig, notices: Sender<(Side, Notice)>) -> Self {
        let (orders, inbox) = channel();
        let (outbox, forwarded) = channel();
        thread::spawn(move || {
            for notice in forwarded {
                if notices.send((side, notice)).is_err() {
                    return;
                }
            }
        });
        let thread = thread::spawn(move || end::run(config, inbox, outbox));
        Self {
            orders: Some(orders),
            thread: Some(thread),
            child: None,
        }
    }

    /// Starts a process with these variables. Its notices come with `sender`.
    pub fn process<S: Copy + Send + 'static>(
        sender: S,
        role: &Role,
        environment: &[(String, String)],
        notices: Sender<(S, Notice)>,
    ) -> std::io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", "end"])
            .envs(environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("a child without pipes"));
        };
        writeln!(stdin, "{}", serde_json::to_string(role)?)?;
        let (orders, inbox) = channel::<Order>();
        thread::spawn(move || {
            for order in inbox {
                let line = serde_json::to_string(&order).unwrap_or_default();
                if writeln!(stdin, "{line}").is_err() {
                    return;
                }
            }
        });
        let thread = thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let notice = serde_json::from_str(&line).unwrap_or_else(|error| Notice::Failed {
                    message: format!("said {line:?}: {error}"),
                });
                if notices.send((sender, notice)).is_err() {
                    return;
                }
            }
            // Nobody listens any more when the benchmark is over, which is when this is expected.
            let _ = notices.send((
                sender,
                Notice::Failed {
                    message: "its process ended".into(),
                },
            ));
        });
        Ok(Self {
            orders: Some(orders),
            thread: Some(thread),
            child: Some(child),
        })
    }

    /// Sends an order. An end that is gone has said so.
    pub fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(order);
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.order(Order::Quit);
        self.orders.take();
        if let Some(child) = &mut self.child {
            let _ = child.wait();
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The life of a child process: its first line is its set-up, every other an order.
pub fn child() -> Result<(), String> {
    let mut lines = BufReader::new(std::io::stdin()).lines().map_while(Result::ok);
    let config = lines
        .next()
        .ok_or("no set-up on standard input: this command is for the benchmark itself")?;
    let role: Role = serde_json::from_str(&config).map_err(|error| format!("the set-up: {error}"))?;
    let (sender, orders) = channel();
    thread::spawn(move || {
        for order in lines.filter_map(|line| serde_json::from_str::<Order>(&line).ok()) {
            if sender.send(order).is_err() {
                return;
            }
        }
    });
    let (notices, outbox): (Sender<Notice>, Receiver<Notice>) = channel();
    let writer = thread::spawn(move || {
        let mut stdout = std::io::stdout();
        for notice in outbox {
            let line = serde_json::to_string(&notice).unwrap_or_default();
            if writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_err() {
                return;
            }
        }
    });
    match role {
        Role::End(config) => end::run(config, orders, notices),
        Role::Room(config) => {
            room::run(&config, &orders, &notices);
            drop(notices);
        }
    }
    let _ = writer.join();
    Ok(())
}
