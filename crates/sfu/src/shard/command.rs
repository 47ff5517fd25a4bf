//! What the handle asks of a shard.

use crate::config::RoomSettings;
use crate::room::{Rights, Want};
use crate::sdp::Offer;
use crate::sfu::{JoinError, Number, RoomId, RoomStats, ShardStats};

/// Gets the answer of a join.
pub(crate) type JoinReply = Box<dyn FnOnce(Result<String, JoinError>) + Send>;

pub(crate) enum Command {
    Open(RoomId, RoomSettings),
    Close(RoomId),
    Join {
        room: RoomId,
        number: Number,
        offer: Box<Offer>,
        rights: Rights,
        reply: JoinReply,
    },
    Restart {
        room: RoomId,
        number: Number,
        offer: Box<Offer>,
        reply: JoinReply,
    },
    Rights(RoomId, Number, Rights),
    Leave(RoomId, Number),
    Watch(RoomId, Number, Vec<Want>, Option<usize>),
    Spotlight(RoomId, Vec<u32>),
    Stats(RoomId, Box<dyn FnOnce(Option<RoomStats>) + Send>),
    Load(Box<dyn FnOnce(ShardStats) + Send>),
    Stop,
}
