//! People seated in one scene: a name that clients know, and who sits where. Whoever leaves leaves an empty seat.

use std::collections::BTreeSet;

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{Capability, News, ParticipantId, Scene};

use super::{Context, Part, Room, text};

/// Most seats.
const MOST: usize = 49;
/// Longest name of a scene, in bytes.
const LONGEST: usize = 64;

/// The scene as it is now.
#[derive(Debug, Default)]
pub(super) struct Seats(pub(super) Scene);

impl Room {
    /// Somebody seats people, or ends the scene.
    pub(super) fn set_scene(
        &mut self,
        me: ParticipantId,
        scene: &Scene,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(me, Capability::SetScene)?;
        let seated: Vec<ParticipantId> = scene.seats.iter().flatten().copied().collect();
        let distinct: BTreeSet<ParticipantId> = seated.iter().copied().collect();
        match &scene.scene {
            Some(name) => text(name, LONGEST)?,
            None if scene.seats.is_empty() => {}
            None => return Err(Reason::BAD_PARAMETERS),
        }
        if scene.seats.len() > MOST || distinct.len() != seated.len() {
            return Err(Reason::BAD_PARAMETERS);
        }
        self.known(&seated)?;
        // L25: in the source only members are seated.
        let switch = self.hall.switches.engagement;
        if seated.iter().any(|id| self.is_kept_out(*id, switch)) {
            return Err(Reason::POLICY_RESTRICTED);
        }
        if self.together.scene.0 != *scene {
            self.together.scene.0 = scene.clone();
            self.tell_scene(cx);
        }
        Ok(())
    }

    pub(super) fn leave_seat(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let seats = &mut self.together.scene.0.seats;
        let Some(seat) = seats.iter_mut().find(|seat| **seat == Some(id)) else {
            return;
        };
        *seat = None;
        self.tell_scene(cx);
    }

    /// The scene, where there is one.
    pub(super) fn scene_now(&self) -> Option<News> {
        let scene = &self.together.scene.0;
        scene.scene.is_some().then(|| News::Scene(scene.clone()))
    }

    fn tell_scene(&mut self, cx: &mut Context<'_>) {
        self.together.changed.insert(Part::Scene);
        let scene = &self.together.scene.0;
        self.tell_of(|_| Some(()), |()| News::Scene(scene.clone()), cx);
    }
}
