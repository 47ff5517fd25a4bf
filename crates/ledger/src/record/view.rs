//! What a tenant may see of call records. The resource's side sees who was who; an organisation's side sees external
//! users by name, or as anonymous where it chose the source's way (L36). Neither learns which programs and systems the
//! other tenant's people use.

use sidetone_organisation::{OrganisationId, ResourceId, Switches};

use super::diagnostic::CallDiagnostic;
use super::line::CallLine;
use super::summary::{CallSummary, ParticipantType};
use crate::Scope;

/// How an external user is shown who is not to be named.
pub const ANONYMOUS: &str = "Anonymous";

/// Who looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// The operator: everything.
    Operator,
    /// The developer's side.
    Resource(ResourceId),
    /// The members' side.
    Organisation {
        /// Which.
        id: OrganisationId,
        /// External users by name. Otherwise they are anonymous (L36).
        names_external_users: bool,
        /// External users in the live view at all (L37).
        shows_external_users_live: bool,
    },
}

impl Viewer {
    /// An organisation's side, as its switches have it.
    pub fn organisation(id: OrganisationId, switches: &Switches) -> Self {
        Self::Organisation {
            id,
            names_external_users: switches.analytics_names.is_open(),
            shows_external_users_live: switches.live_analytics.is_open(),
        }
    }

    /// The tenant that looks; `None` for the operator.
    pub fn scope(&self) -> Option<Scope> {
        match self {
            Self::Operator => None,
            Self::Resource(id) => Some(Scope::Resource(id.clone())),
            Self::Organisation { id, .. } => Some(Scope::Organisation(id.clone())),
        }
    }

    /// Whether a participant of this kind has no name here.
    pub(crate) fn hides(&self, kind: ParticipantType) -> bool {
        let outside = matches!(kind, ParticipantType::External | ParticipantType::Guest);
        outside
            && matches!(
                self,
                Self::Organisation {
                    names_external_users: false,
                    ..
                }
            )
    }

    /// Whether a participant of this kind is in the live view.
    pub(crate) fn shows_live(&self, kind: ParticipantType) -> bool {
        let outside = matches!(kind, ParticipantType::External | ParticipantType::Guest);
        !outside
            || !matches!(
                self,
                Self::Organisation {
                    shows_external_users_live: false,
                    ..
                }
            )
    }

    /// Whether a participant belongs to the viewer's own tenant.
    fn owns(&self, organisation: Option<&OrganisationId>, resource: Option<&ResourceId>) -> bool {
        match self {
            Self::Operator => true,
            Self::Resource(id) => resource == Some(id),
            Self::Organisation { id, .. } => organisation == Some(id),
        }
    }
}

impl CallLine {
    /// The line as the viewer may see it.
    #[must_use]
    pub fn seen_by(mut self, viewer: &Viewer) -> Self {
        for called in &mut self.called {
            if viewer.hides(called.participant_type) {
                called.identifier = None;
            }
        }
        self
    }
}

impl CallSummary {
    /// The summary as the viewer may see it.
    #[must_use]
    pub fn seen_by(mut self, viewer: &Viewer) -> Self {
        let own = viewer.owns(
            self.participant_organisation.as_ref(),
            self.participant_resource.as_ref(),
        );
        if !own {
            self.sdk_version = None;
            self.os_version = None;
        }
        if viewer.hides(self.participant_type) {
            ANONYMOUS.clone_into(&mut self.display_name);
            self.identifier = None;
            self.endpoint_id = None;
        }
        self
    }
}

impl CallDiagnostic {
    /// The row as the viewer may see it.
    #[must_use]
    pub fn seen_by(mut self, viewer: &Viewer) -> Self {
        if viewer.hides(self.participant_type) {
            self.identifier = None;
            self.endpoint_id = None;
        }
        self
    }
}
