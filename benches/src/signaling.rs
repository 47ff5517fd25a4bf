//! Signaling: frames of the wire protocol, and a whole call between two agents and the switchboard in memory.

use std::time::{Duration, Instant};

use sidetone_signaling::agent::Command;
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::{ClientFrame, Event, Request, Ringing, ServerFrame, Start};
use sidetone_signaling::sim::{Conditions, Happening, World};
use sidetone_signaling::switchboard::SwitchboardConfig;

use crate::{Error, Step, Workload};

const CALLER: &str = "member:contoso:ann";
const CALLEE: &str = "member:contoso:bob";

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "frame_parse",
        operation: "request of a client, with its parameters",
        per_step: 1,
        warm_up: 10,
        counted: 300,
        make: parse,
    },
    Workload {
        name: "frame_write",
        operation: "event to a client",
        per_step: 1,
        warm_up: 10,
        counted: 300,
        make: write,
    },
    Workload {
        name: "whole_call",
        operation: "call from its placing to its end: both agents, the switchboard and the simulated network",
        per_step: 1,
        warm_up: 3,
        counted: 20,
        make: whole_call,
    },
];

fn world() -> World {
    World::new(
        7,
        SwitchboardConfig::default(),
        Conditions::default(),
        Instant::now(),
    )
}

fn parse() -> Result<Step, Error> {
    let request = Request::Start(Start {
        display_name: Some("Ann".into()),
        ..Start::new(world().draw_call(), CALLEE.parse()?)
    });
    let text = ClientFrame::request(1, &request);
    Ok(Box::new(move |meter| {
        let parsed = meter.measure(|| match ClientFrame::parse(&text) {
            Ok(ClientFrame::Request { method, params, .. }) => Request::parse(&method, params).ok(),
            _ => None,
        });
        assert_eq!(parsed.as_ref(), Some(&request));
    }))
}

fn write() -> Result<Step, Error> {
    let event = Event::Ringing(Ringing {
        call: world().draw_call(),
    });
    Ok(Box::new(move |meter| {
        let text = meter.measure(|| ServerFrame::event(17, &event));
        assert!(text.contains("call.ringing"));
    }))
}

fn whole_call() -> Result<Step, Error> {
    Ok(Box::new(|meter| {
        let mut world = world();
        let (ann, bob) = (world.add(CALLER), world.add(CALLEE));
        world.run_for(Duration::from_secs(1));
        let states = meter.measure(|| {
            let call = world.start_call(ann, CALLEE).ok()?;
            world.run_for(Duration::from_secs(1));
            world.happen(bob, Happening::Command(Command::Accept { call }));
            world.run_for(Duration::from_secs(1));
            let talking = world.view(ann, call).state();
            world.happen(ann, Happening::Command(Command::HangUp { call }));
            world.run_for(Duration::from_secs(1));
            Some((talking, world.view(bob, call).state()))
        });
        assert_eq!(
            states,
            Some((Some(CallState::Connected), Some(CallState::Disconnected)))
        );
    }))
}
