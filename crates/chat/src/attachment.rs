//! Files and images that go with messages: of which types, how large, for how long.

use sidetone_ledger::Timestamp;
use sidetone_organisation::World;
use sidetone_signaling::Reason;
use std::time::Duration;
use uuid::Uuid;

use crate::content::misleads;
use crate::limits::{ATTACHMENT_BYTES, ATTACHMENT_DAYS, MAX_WAITING_FILES, WAITING_DAYS};
use crate::rate::Deed;
use crate::{
    Actor, AttachmentRecord, Cause, Context, Erased, Item, ItemKey, Outcome, Plan, Refused, Rights, Thread,
    Verdict,
};

/// Longest name of a file, in characters.
const MAX_FILE_NAME: usize = 255;

/// A file to be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttachment {
    /// Its id, drawn by who asks.
    pub id: Uuid,
    /// The name of the file.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// An image, to be shown within the text.
    pub inline: bool,
    /// How long it is, in bytes.
    pub size: u64,
}

/// Types that are taken: pictures, sound, film, documents, archives. What runs when it is opened is not among them.
const TYPES: &[&str] = &[
    "application/gzip",
    "application/json",
    "application/msword",
    "application/octet-stream",
    "application/pdf",
    "application/rtf",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/zip",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/calendar",
    "text/csv",
    "text/markdown",
    "text/plain",
    "text/vcard",
];

/// Names that end so are not taken under any type.
const RUNS: &[&str] = &[
    "app", "bat", "cmd", "com", "cpl", "dll", "exe", "hta", "htm", "html", "jar", "js", "jse", "lnk", "msi",
    "msp", "pif", "ps1", "reg", "scr", "sh", "svg", "vb", "vbe", "vbs", "wsf", "wsh", "xhtml",
];

impl Thread {
    /// Takes a file in, to be sent with a message later.
    ///
    /// # Errors
    /// A type or size that is not taken; a limit (L10, L27); too fast.
    pub fn attach(
        &mut self,
        context: Context<'_>,
        actor: &Actor,
        file: NewAttachment,
    ) -> Result<Outcome<AttachmentRecord>, Refused> {
        actor.wants(Rights::Limited)?;
        self.writes(context, actor)?;
        self.files_allowed(context.world, actor)?;
        let content_type = media_type(&file.content_type).ok_or(Reason::ATTACHMENT_TYPE)?;
        let name = file_name(&file.name)?;
        if file.inline && !content_type.starts_with("image/") {
            return Err(Reason::ATTACHMENT_TYPE.into());
        }
        if file.size == 0 {
            return Err(Refused::content("the file is empty"));
        }
        if file.size > self.largest_file(context.world) {
            return Err(Reason::ATTACHMENT_TOO_LARGE.into());
        }
        let waiting = self
            .files()
            .filter(|known| known.message.is_none() && known.by == actor.identity);
        if waiting.count() >= MAX_WAITING_FILES {
            return Err(Refused::content("too many files wait to be sent"));
        }
        self.rates.take(&actor.identity, Deed::Upload, context.now)?;
        let record = AttachmentRecord {
            id: file.id,
            by: actor.identity.clone(),
            name,
            content_type,
            size: file.size,
            inline: file.inline,
            expires: days_after(context.now, WAITING_DAYS),
            message: None,
            verdict: None,
        };
        Ok(Outcome {
            value: record.clone(),
            plan: Plan {
                commit: vec![Item::Attachment(record)],
                ..Plan::default()
            },
        })
    }

    /// A file, for somebody who may see it.
    ///
    /// # Errors
    /// No such file; one that has expired, or that goes with a message that the actor may not see.
    pub fn attachment(
        &self,
        context: Context<'_>,
        actor: &Actor,
        id: Uuid,
    ) -> Result<&AttachmentRecord, Refused> {
        let participant = self.reads(context, actor)?;
        let file = self.files.get(&id).ok_or(Reason::NO_SUCH_ATTACHMENT)?;
        let shown = match file.message {
            Some(message) => participant.sees(message) && self.is_of(message, id),
            None => file.by == actor.identity,
        };
        if !shown || file.expires <= context.now {
            return Err(Reason::NO_SUCH_ATTACHMENT.into());
        }
        Ok(file)
    }

    /// What was found in a file.
    pub fn verdict(&self, id: Uuid) -> Option<Verdict> {
        self.files.get(&id)?.verdict
    }

    /// Keeps what was found in a file. Of one that is gone nothing is kept.
    pub fn judge(&self, id: Uuid, verdict: Verdict) -> Outcome<()> {
        let Some(file) = self.files.get(&id).filter(|file| file.verdict != Some(verdict)) else {
            return Outcome::known(());
        };
        let record = AttachmentRecord {
            verdict: Some(verdict),
            ..file.clone()
        };
        Outcome {
            value: (),
            plan: Plan {
                commit: vec![Item::Attachment(record)],
                ..Plan::default()
            },
        }
    }

    /// The longest file that is taken here, in bytes: as the strictest of those who take part has it.
    pub fn largest_file(&self, world: &World) -> u64 {
        let policies = self
            .organisations()
            .filter_map(|id| world.organisation(&id)?.chat.max_attachment_bytes);
        policies.min().unwrap_or(ATTACHMENT_BYTES)
    }

    /// When a file ends that is sent now.
    pub(crate) fn file_expires(&self, world: &World, now: Timestamp) -> Timestamp {
        let policies = self
            .organisations()
            .filter_map(|id| world.organisation(&id)?.chat.attachment_days);
        days_after(now, policies.min().unwrap_or(ATTACHMENT_DAYS))
    }

    /// What goes with files that end with their message.
    pub(crate) fn erase_files(&self, message: u64, cause: Cause, plan: &mut Plan) {
        let files = self.files.values().filter(|file| file.message == Some(message));
        for file in files {
            plan.deletes.push(ItemKey::Attachment(file.id));
            plan.erased.push(Erased {
                item: ItemKey::Attachment(file.id),
                message: Some(message),
                cause,
                scope: self.audited_by(&file.by),
            });
        }
    }
}

/// A moment so many days later.
pub(crate) fn days_after(time: Timestamp, days: u32) -> Timestamp {
    time.after(Duration::from_secs(u64::from(days) * 24 * 3600))
}

/// A media type that is taken, in lower case and without parameters.
fn media_type(text: &str) -> Option<String> {
    let essence = text
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let plays = essence
        .strip_prefix("audio/")
        .or_else(|| essence.strip_prefix("video/"))
        .is_some_and(|rest| {
            !rest.is_empty()
                && rest.len() < 64
                && rest
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-.+".contains(&b))
        });
    (plays || TYPES.contains(&essence.as_str())).then_some(essence)
}

/// The name of a file, without a path.
fn file_name(text: &str) -> Result<String, Refused> {
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if name.is_empty()
        || name.starts_with('.')
        || name.chars().count() > MAX_FILE_NAME
        || name.chars().any(misleads)
    {
        return Err(Refused::content("the file's name cannot be taken"));
    }
    let runs = name
        .rsplit_once('.')
        .is_some_and(|(_, end)| RUNS.contains(&end.trim().to_ascii_lowercase().as_str()));
    if runs {
        return Err(Reason::ATTACHMENT_TYPE.into());
    }
    Ok(name.to_owned())
}

/// Whether bytes begin as a file of this type does. Asked of pictures, which are shown without a click; of any other
/// type nothing is asked.
pub fn looks_like(content_type: &str, bytes: &[u8]) -> bool {
    match content_type {
        "image/png" => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        "image/jpeg" => bytes.starts_with(&[0xff, 0xd8, 0xff]),
        "image/gif" => bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a"),
        "image/webp" => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_not_taken() {
        for (name, content_type, taken) in [
            ("report.pdf", "application/pdf", true),
            ("../../etc/report.pdf", "application/pdf; charset=x", true),
            ("song.ogg", "audio/ogg", true),
            ("page.html", "text/plain", false),
            ("picture.svg", "image/svg+xml", false),
            ("setup.EXE", "application/octet-stream", false),
            ("evil\u{202e}fdp.exe", "application/pdf", false),
            ("x", "text/html", false),
            ("x", "audio/", false),
            (".", "text/plain", false),
        ] {
            let ok = media_type(content_type).is_some() && file_name(name).is_ok();
            assert_eq!(ok, taken, "{name} {content_type}");
        }
        assert_eq!(file_name("../../etc/report.pdf").unwrap(), "report.pdf");
    }

    #[test]
    fn pictures_are_pictures() {
        assert!(looks_like("image/png", b"\x89PNG\r\n\x1a\n...."));
        assert!(!looks_like("image/png", b"<svg onload=x>"));
        assert!(looks_like("image/webp", b"RIFF....WEBP"));
        assert!(looks_like("application/pdf", b"anything"));
    }
}
