//! One end of a call: the user's presence at the service, with the chosen microphone, speaker and pictures.

use serde_json::json;
use sidetone::{
    AgentEvent, AgentOptions, AudioOptions, CallAgent, CallClient, DeviceManager, Events, NetworkOptions,
};
use sidetone_media::voice::{Processing, Profile};

use super::journal::Journal;
use crate::args::{EndArgs, ProfileName};
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::sound::{Microphone, Speaker};
use crate::video::{PictureArgs, Video};

/// An end that is online.
pub struct End {
    /// Places and announces calls.
    pub agent: CallAgent,
    /// What happens to the agent.
    pub events: Events<AgentEvent>,
    /// Its microphone and speaker.
    pub devices: DeviceManager,
    /// Plays recordings once told so.
    pub microphone: Microphone,
    /// What it shows, and where it writes what others show.
    pub video: Video,
    speaker: Speaker,
    client: CallClient,
}

impl End {
    /// Prepares sound and pictures, gets a token and goes online.
    ///
    /// # Errors
    /// Whatever is wrong with devices, files, service or token; [`Failure::interrupted`].
    pub async fn open(
        args: &EndArgs,
        video: &PictureArgs,
        journal: &Journal,
        interrupt: &mut Interrupt,
    ) -> Result<Self, Failure> {
        let (microphone, speaker) = (Microphone::new(&args.input)?, Speaker::new(&args.output)?);
        let client = CallClient::new()?;
        let devices = client.device_manager();
        devices.select_microphone(microphone.input.clone());
        devices.select_speaker(speaker.output.clone());
        let video = Video::new(video, &devices)?;
        let online = async {
            let credential = args
                .credential
                .credential(&args.server, args.name.clone())
                .await?;
            let agent = client.create_call_agent(&args.server.socket(), credential, options(args));
            Ok::<_, Failure>(agent.await?)
        };
        let agent = tokio::select! {
            agent = online => agent?,
            () = interrupt.raised() => return Err(Failure::interrupted()),
        };
        let identity = agent.identity();
        let words = identity
            .as_ref()
            .map_or_else(|| "online".to_owned(), |identity| format!("online as {identity}"));
        journal.event("online", &words, json!({ "identity": identity }));
        Ok(Self {
            events: agent.events(),
            agent,
            devices,
            microphone,
            video,
            speaker,
            client,
        })
    }

    /// Hangs up, leaves the service, closes the devices and completes the output files.
    ///
    /// # Errors
    /// [`Exit::Resource`](crate::exit::Exit::Resource) when a file could not be written.
    pub async fn close(self) -> Result<(), Failure> {
        // Closed already is as good.
        let _ = self.agent.dispose().await;
        // With the last handle the network thread ends, and it waits for the devices to be closed.
        drop((self.agent, self.client));
        let seen = self.video.finish();
        self.speaker.finish()?;
        seen
    }
}

fn options(args: &EndArgs) -> AgentOptions {
    AgentOptions {
        display_name: args.name.clone(),
        // One call at a time: there is one person at this terminal.
        busy_when_in_call: true,
        no_calls: false,
        audio: AudioOptions {
            profile: match args.profile {
                ProfileName::Balanced => Profile::BALANCED,
                ProfileName::LowLatency => Profile::LOW_LATENCY,
            },
            processing: if args.no_processing {
                Processing::OFF
            } else {
                Processing::default()
            },
            ..AudioOptions::default()
        },
        network: NetworkOptions {
            bind: args.media_bind.clone(),
            hide_addresses: args.hide_addresses,
            relay_only: args.relay_only,
            ..NetworkOptions::default()
        },
    }
}
