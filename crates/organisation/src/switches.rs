//! The limits that can be chosen. Each limitation of spec section 2 that this crate touches is one named switch:
//! open by default, and the source's value selectable. A switch says what was chosen and decides nothing.
//!
//! L41 (approval by the operator) is not here: it is [`ApprovalPolicy`](crate::ApprovalPolicy).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One switch's position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Setting {
    /// The limit is gone.
    #[default]
    Open,
    /// As the source has it.
    Source,
}

impl Setting {
    /// Whether the limit is gone.
    pub fn is_open(self) -> bool {
        self == Self::Open
    }
}

/// What a switch is, for pages and lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Its name on the wire.
    pub name: &'static str,
    /// The limitation it selects (`L2`), empty where the source does not know the case at all.
    pub limitation: &'static str,
    /// What holds with [`Setting::Open`].
    pub open: &'static str,
    /// What holds with [`Setting::Source`].
    pub source: &'static str,
}

macro_rules! switches {
    ($(#[$doc:meta])* $type:ident {
        $($field:ident $name:literal $limitation:literal $open:literal / $source:literal;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase", default, deny_unknown_fields)]
        pub struct $type {
            $(
                #[doc = concat!($limitation, " Open: ", $open, ". Source: ", $source, ".")]
                pub $field: Setting,
            )*
        }

        impl $type {
            /// Every switch there is, in the order of the fields.
            pub const LIST: &[Switch] = &[$(Switch {
                name: $name,
                limitation: $limitation,
                open: $open,
                source: $source,
            }),*];

            /// Every limit as the source has it.
            pub const fn source() -> Self {
                Self { $($field: Setting::Source),* }
            }

            /// Every switch with its position, in the order of the fields.
            pub fn settings(&self) -> impl Iterator<Item = (&'static Switch, Setting)> {
                Self::LIST.iter().zip([$(self.$field),*])
            }
        }
    };
}

switches! {
    /// What an organisation chooses for itself and its members.
    Switches {
        legacy_members "legacyMembers" "L2"
            "a member in legacy mode deals with external users as any other"
            / "a member in legacy mode cannot be in a 1:1 call with an external user";
        escalation "escalation" "L3"
            "a 1:1 call with an external user can become a group call"
            / "a 1:1 call with an external user stays one";
        call_recording "callRecording" "L4"
            "a 1:1 call with an external user can be recorded"
            / "a 1:1 call with an external user cannot be recorded";
        advanced_routing "advancedRouting" "L5"
            "forwarding, simultaneous ringing, pickup and voicemail hold for every call"
            / "forwarding, simultaneous ringing, pickup and voicemail do not hold for calls of external users";
        external_targets "externalTargets" "L6"
            "an external user can be the target of forwarding and transfer"
            / "an external user cannot be the target of forwarding or transfer";
        call_features "callFeatures" "L7"
            "every feature works with external users in the call"
            / "transfer, transcription and consultation do not work in a 1:1 call with an external user";
        chat_initiation "chatInitiation" "L9"
            "members begin chats with external users, as policy allows"
            / "only external users begin chats";
        chat_attachments "chatAttachments" "L10"
            "external users send files and images as members do"
            / "external users receive files and images and send none";
        chat_deletion "chatDeletion" "L11"
            "a chat is left, hidden for oneself or deleted for all, as one likes"
            / "an external user who deletes a chat removes the members from it and hides what was said from them";
        external_names "externalNames" "L12"
            "external users are shown with their name and the suffix"
            / "external users are shown as External, without their name";
        bot_events "botEvents" "L30"
            "bots are told of everyone who joins and leaves"
            / "bots are not told of external users";
        typing_names "typingNames" "L13"
            "whoever types is named"
            / "a member who types is not named to external users";
        read_receipts "readReceipts" "L14"
            "everybody has read receipts"
            / "members neither send nor get read receipts where external users take part";
        chat_calls "chatCalls" "L15"
            "a chat can become a call"
            / "a member cannot call out of a chat with external users";
        member_edits "memberEdits" "L16"
            "everybody edits their messages"
            / "a member cannot edit messages to external users";
        chat_features "chatFeatures" "L16b"
            "replies, reactions, mentions, pins, priority and cards work with external users"
            / "replies, reactions, mentions, pins, priority and cards do not work for external users";
        link_previews "linkPreviews" "L16b"
            "addresses in messages are previewed, where the operator has a service for it"
            / "addresses in messages are not previewed in chats with external users";
        chat_translation "chatTranslation" "L16b"
            "messages are translated for whoever asks, where the operator has a service for it"
            / "messages are not translated for external users";
        channel_chat "channelChat" "L17"
            "external users take part in the chat of a channel's meeting, and in nothing else of the channel"
            / "external users have no chat in a channel's meeting";
        meeting_chat_features "meetingChatFeatures" "L27"
            "files, replies and reactions work for external users in the chat of a meeting"
            / "files, replies and reactions do not work for external users in the chat of a meeting";
        member_chat "memberChat" "L42"
            "members chat through a resource's application as external users do"
            / "members chat through the native client only";
        analytics_names "analyticsNames" "L36"
            "call analytics name external users"
            / "call analytics show external users as Anonymous";
        live_analytics "liveAnalytics" "L37"
            "the live view shows everyone"
            / "the live view leaves external users out";
        delegation "delegation" "L39"
            "a member may let someone call on their behalf"
            / "nobody calls as a member but the member";
        webinar_roles "webinarRoles" "L19"
            "attendees of a webinar listen until they are given the word"
            / "attendees of a webinar may speak, be seen and share as presenters may";
        participant_lists "participantLists" "L20"
            "lists of a meeting's participants name everyone"
            / "lists of a meeting's participants leave external users out";
        meeting_sizes "meetingSizes" "L22"
            "a meeting holds as many as its settings say, by whichever way they come"
            / "of those who come by applications a meeting holds 350";
        meeting_events "meetingEvents" "L24"
            "calling events are raised for meetings as for calls"
            / "no calling events are raised for meetings";
        slides "slides" "L21"
            "slides are shown to everyone"
            / "slides are not shown to external users";
        engagement "engagement" "L25"
            "everyone raises hands, sends reactions, is seated in a scene and goes to breakout rooms, as their role allows"
            / "only members raise hands, send reactions, are seated in a scene and go to breakout rooms";
        polls "polls" "L26"
            "everyone votes and asks questions"
            / "external users neither vote nor ask questions";
        captions "captions" "L28"
            "everyone reads captions and writes text as it is typed"
            / "external users have no captions and no text as it is typed";
        live_events "liveEvents" "L29"
            "external users may join town halls"
            / "external users cannot join town halls";
        group_call_members "groupCallMembers" "L31"
            "members may join calls that an application's users began"
            / "members cannot join a call that an application's users began";
        early_admission "earlyAdmission" "L33"
            "external users may be let in before a member is there, where policy and meeting say so"
            / "no external user is let in before a member is there";
        external_rights "externalRights" "L35"
            "what someone may do in a meeting depends on their role alone"
            / "external users add and remove nobody and record nothing, whatever their role";
        outgoing_calls "outgoingCalls" ""
            "members may call external users, as policy allows"
            / "only external users start calls between the two";
        other_organisations "otherOrganisations" ""
            "members may call members of other organisations that have this open too, and be called"
            / "members call nobody in another organisation, and are not called";
    }
}

switches! {
    /// What a resource chooses for its users.
    ResourceSwitches {
        other_resources "otherResources" ""
            "users may call users of other resources that have this open too, and be called"
            / "users call nobody of another resource, and are not called";
    }
}

switches! {
    /// What the operator chooses for the whole deployment.
    DeploymentSwitches {
        personal_organisations "personalOrganisations" "L32"
            "personal organisations deal with external users as work organisations do"
            / "personal organisations have no dealings with external users";
        trusted_clouds "trustedClouds" "L40"
            "clouds that the operator trusts may deal with each other"
            / "nobody deals with another cloud";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;

    fn names_match<T: Serialize + DeserializeOwned + Default + PartialEq + std::fmt::Debug>(
        source: T,
        list: &[Switch],
    ) {
        let value = serde_json::to_value(&source).unwrap();
        let object = value.as_object().unwrap();
        assert_eq!(object.len(), list.len());
        for switch in list {
            assert_eq!(object[switch.name], "source", "{}", switch.name);
            assert_ne!(switch.open, switch.source);
        }
        assert_eq!(serde_json::from_value::<T>(value).unwrap(), source);
        assert_eq!(serde_json::from_str::<T>("{}").unwrap(), T::default());
        assert!(serde_json::from_str::<T>(r#"{"noSuchSwitch":"open"}"#).is_err());
    }

    #[test]
    fn lists_name_what_crosses_the_wire() {
        names_match(Switches::source(), Switches::LIST);
        names_match(ResourceSwitches::source(), ResourceSwitches::LIST);
        names_match(DeploymentSwitches::source(), DeploymentSwitches::LIST);
    }

    #[test]
    fn the_default_is_open() {
        assert!(
            Switches::default()
                .settings()
                .all(|(_, setting)| setting.is_open())
        );
        assert!(
            Switches::source()
                .settings()
                .all(|(_, setting)| !setting.is_open())
        );
    }
}
