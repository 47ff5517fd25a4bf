//! The answer to an offer.

use std::fmt::Write;
use std::net::SocketAddr;

use super::Extension;
use super::codec::{Codec, REMB, TRANSPORT_CC};
use super::offer::{Kind, Offer, Section};
use crate::link::{Credentials, Fingerprint};
use crate::room::Format;

/// Our end of the transport.
#[derive(Clone, Debug)]
pub struct Transport<'a> {
    /// Our ICE credentials.
    pub credentials: &'a Credentials,
    /// Our certificate's.
    pub fingerprint: Fingerprint,
    /// Where we can be reached, the best first.
    pub addresses: &'a [SocketAddr],
}

/// What we do with a section of the offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// We take what the participant sends.
    pub receives: bool,
    /// We send with this source: the section is a slot.
    pub sends: Option<u32>,
    /// And repeat with this one (RFC 4588).
    pub rtx: Option<u32>,
}

impl Offer {
    /// Writes the answer; `answers` has one for each section.
    pub fn answer(&self, session: u64, transport: &Transport<'_>, answers: &[Answer]) -> String {
        let mut out = String::with_capacity(1024 * self.sections.len());
        // Writing to a string does not fail.
        let _ = write(self, session, transport, answers, &mut out);
        out
    }
}

fn write(
    offer: &Offer,
    session: u64,
    transport: &Transport<'_>,
    answers: &[Answer],
    out: &mut String,
) -> std::fmt::Result {
    // RFC 8829 section 5.2.1: a number below 2^63.
    let session = session >> 1;
    write!(out, "v=0\r\no=- {session} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n")?;
    let sections = || offer.sections.iter().zip(answers);
    let mut group = String::new();
    for (section, _) in sections().filter(|(section, _)| is_usable(section)) {
        write!(group, " {}", section.mid)?;
    }
    write!(
        out,
        "a=group:BUNDLE{group}\r\na=ice-lite\r\na=msid-semantic: WMS *\r\n"
    )?;
    let mut first = true;
    for (section, answer) in sections() {
        if !is_usable(section) {
            write!(
                out,
                "m={} 0 {} {}\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:{}\r\n",
                section.media, section.protocol, section.formats, section.mid
            )?;
            continue;
        }
        write_section(section, answer, transport, out)?;
        if std::mem::take(&mut first) {
            for (n, address) in transport.addresses.iter().enumerate() {
                // RFC 8445 section 5.1.2: host, and each less preferred than that before it.
                let priority = (126 << 24) + ((65_535 - n as u32) << 8) + 255;
                let (ip, port) = (address.ip(), address.port());
                write!(
                    out,
                    "a=candidate:{} 1 udp {priority} {ip} {port} typ host\r\n",
                    n + 1
                )?;
            }
            out.push_str("a=end-of-candidates\r\n");
        }
    }
    Ok(())
}

/// Whether a section is a slot for pictures.
fn shows(section: &Section, answer: &Answer) -> bool {
    section.kind == Kind::Video && answer.sends.is_some()
}

/// Whether a section is not refused.
fn is_usable(section: &Section) -> bool {
    section.kind != Kind::Other && !section.codecs.is_empty()
}

fn write_section(
    section: &Section,
    answer: &Answer,
    transport: &Transport<'_>,
    out: &mut String,
) -> std::fmt::Result {
    write!(out, "m={} 9 {}", section.media, section.protocol)?;
    for codec in &section.codecs {
        write!(out, " {}", codec.payload_type)?;
        if let Some(rtx) = codec.rtx {
            write!(out, " {rtx}")?;
        }
    }
    let direction = match (answer.sends.is_some(), answer.receives) {
        (true, true) => "sendrecv",
        (true, false) => "sendonly",
        (false, true) => "recvonly",
        (false, false) => "inactive",
    };
    let Transport {
        credentials,
        fingerprint,
        ..
    } = transport;
    write!(
        out,
        "\r\nc=IN IP4 0.0.0.0\r\na=mid:{}\r\na={direction}\r\na=rtcp-mux\r\n\
         a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:passive\r\n",
        section.mid, credentials.ufrag, credentials.password
    )?;
    if section.reduced_size {
        out.push_str("a=rtcp-rsize\r\n");
    }
    for (extension, id) in &section.extensions {
        let skipped = match extension {
            // We number pictures only: voices are too thin to tell anything of a path.
            Extension::TransportSequence => !answer.receives && !shows(section, answer),
            Extension::AbsSendTime => answer.sends.is_none(),
            _ => false,
        };
        if skipped {
            continue;
        }
        write!(out, "a=extmap:{id} {}\r\n", extension.uri())?;
    }
    section
        .codecs
        .iter()
        .try_for_each(|codec| write_codec(codec, answer, out))?;
    if answer.receives && section.layers.len() > 1 {
        for layer in &section.layers {
            write!(out, "a=rid:{layer} recv\r\n")?;
        }
        write!(out, "a=simulcast:recv {}\r\n", section.layers.join(";"))?;
    }
    if let Some(ssrc) = answer.sends {
        // A stream for each slot: what is shown in one has nothing to do with the others.
        let mid = &section.mid;
        write!(out, "a=msid:slot-{mid} slot-{mid}\r\n")?;
        if let Some(rtx) = answer.rtx {
            write!(out, "a=ssrc-group:FID {ssrc} {rtx}\r\n")?;
        }
        for ssrc in [Some(ssrc), answer.rtx].into_iter().flatten() {
            write!(
                out,
                "a=ssrc:{ssrc} cname:slot-{mid}\r\na=ssrc:{ssrc} msid:slot-{mid} slot-{mid}\r\n"
            )?;
        }
    }
    Ok(())
}

fn write_codec(codec: &Codec, answer: &Answer, out: &mut String) -> std::fmt::Result {
    let payload_type = codec.payload_type;
    write!(out, "a=rtpmap:{payload_type} {}\r\n", codec.map)?;
    for feedback in &codec.feedback {
        let skipped = match *feedback {
            TRANSPORT_CC => !answer.receives && (answer.sends.is_none() || codec.format == Format::Opus),
            REMB => answer.sends.is_none(),
            _ => false,
        };
        if skipped {
            continue;
        }
        write!(out, "a=rtcp-fb:{payload_type} {feedback}\r\n")?;
    }
    if codec.format == Format::Opus {
        // RFC 7587 section 7.
        write!(out, "a=fmtp:{payload_type} minptime=10;useinbandfec=1\r\n")?;
    } else if !codec.parameters.is_empty() {
        write!(out, "a=fmtp:{payload_type} {}\r\n", codec.parameters)?;
    }
    if let Some(rtx) = codec.rtx {
        write!(
            out,
            "a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={payload_type}\r\n"
        )?;
    }
    Ok(())
}
