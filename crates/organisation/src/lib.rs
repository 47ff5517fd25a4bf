//! The organisation side of the service, as values and pure decisions: who exists, who may call whom, under which
//! name a caller appears, where a call is routed, and which role may change what.
//!
//! Everything is held by one [`World`], which is changed by one [`Change`] at a time and checks each first. This
//! crate refuses to know clocks, storage, tokens, HTTP and media: what it needs of those (who is online, say) is an
//! argument.

#![forbid(unsafe_code)]

pub mod access;
mod admission;
mod application;
mod bots;
mod card;
mod chat;
mod delegation;
mod deployment;
mod entity;
mod error;
mod external_user;
mod feature;
mod federation;
mod gate;
mod group;
mod ids;
mod key;
mod meeting;
mod member;
mod name;
mod organisation;
mod policy;
mod relation;
mod resource;
pub mod routing;
pub mod switches;
mod text;
mod world;

pub use admission::{Admitted, Presence};
pub use application::{Application, ApplicationKind};
pub use card::{Card, IdentityKind};
pub use chat::{AccessAfterMeeting, ChatPolicy};
pub use deployment::{ApprovalPolicy, Deployment, Undeclared};
pub use entity::{Change, Entity, EntityKind};
pub use error::DomainError;
pub use external_user::ExternalUser;
pub use feature::CallFeature;
pub use federation::Federation;
pub use gate::{Gate, Refusal};
pub use group::Group;
pub use ids::{ApplicationId, GroupId, MemberId, OrganisationId, PolicyName, ResourceId};
pub use key::{EntityKey, EntityName};
pub use meeting::{
    Attendee, Bypass, ExternalMedia, MAX_PARTICIPANTS, MAX_VOICES, Meeting, MeetingId, MeetingKind,
    MeetingOptions, MeetingPolicy, MeetingRules, Origin, Presenters,
};
pub use member::{ExternalKey, Member, MemberMode, OrganisationRole};
pub use name::{EXTERNAL_SUFFIX, MAX_EXTERNAL_NAME};
pub use organisation::{Approval, Organisation, OrganisationKind, RecordingConsent};
pub use policy::{ExternalAccessPolicy, PolicyOrigin};
pub use relation::Relation;
pub use resource::Resource;
pub use routing::Routing;
pub use switches::{DeploymentSwitches, ResourceSwitches, Setting, Switch, Switches};
pub use world::World;
