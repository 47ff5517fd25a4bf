//! People seated in one scene.

use sidetone_signaling::protocol::meeting::{Act, ParticipantId, Scene};

use crate::call::Call;
use crate::pending::Pending;

/// Seating people in one scene. What it looks like is the app's to know. See [`Call::scene`].
#[derive(Clone, Debug)]
pub struct SceneFeature(Call);

impl SceneFeature {
    /// Who sits where. Changes come as [`EngagementEvent::SceneChanged`](crate::EngagementEvent::SceneChanged).
    pub fn current(&self) -> Scene {
        self.0
            .in_meeting(|meeting| meeting.together.scene.clone())
            .unwrap_or_default()
    }

    /// Seats people for everyone; `None` is an empty seat.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) to those who may not, and where somebody is named who is not there, or
    /// twice.
    pub fn start(&self, scene: &str, seats: &[Option<ParticipantId>]) -> Pending<()> {
        self.0.engage(Act::SetScene(Scene {
            scene: Some(scene.to_owned()),
            seats: seats.to_vec(),
        }))
    }

    /// Ends the scene.
    ///
    /// # Errors
    /// As of [`SceneFeature::start`].
    pub fn stop(&self) -> Pending<()> {
        self.0.engage(Act::SetScene(Scene::default()))
    }
}

impl Call {
    /// Seating people in one scene.
    pub fn scene(&self) -> SceneFeature {
        SceneFeature(self.clone())
    }
}
