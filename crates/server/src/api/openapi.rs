//! The description of the API (OpenAPI 3.1): what the handlers say of themselves, completed with what holds for all
//! of them, and the stability of each capability.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ContentBuilder, HeaderBuilder, InfoBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Response,
    ResponseBuilder, Schema, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::problem::{MEDIA_TYPE, ProblemDetails};

/// How far a capability can be relied on (spec R6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stability {
    /// For test data only; may change or go without notice.
    #[allow(dead_code, reason = "a level that exists, of which nothing is at the moment")]
    PrivatePreview,
    /// For trying; may change with notice, no service level.
    PublicPreview,
    /// For use.
    #[allow(
        dead_code,
        reason = "a level that exists, and that nothing has reached before the first release"
    )]
    GenerallyAvailable,
}

/// One thing that the service can do.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Capability {
    /// Its name, and the tag of its operations.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) about: &'static str,
    /// How far it can be relied on.
    pub(crate) stability: Stability,
}

const fn capability(name: &'static str, about: &'static str, stability: Stability) -> Capability {
    Capability {
        name,
        about,
        stability,
    }
}

/// Everything the service can do, the tags of the API first. An operation is as stable as its tag.
pub(crate) const CAPABILITIES: &[Capability] = &[
    capability(
        "organisations",
        "Tenants of the service, and the operator's word on them",
        Stability::PublicPreview,
    ),
    capability(
        "federation",
        "Whether external users may deal with an organisation, and whose",
        Stability::PublicPreview,
    ),
    capability(
        "policies",
        "For which members external access is open",
        Stability::PublicPreview,
    ),
    capability(
        "directory",
        "Members, groups and voice applications of an organisation",
        Stability::PublicPreview,
    ),
    capability(
        "resources",
        "What applications belong to, and their users",
        Stability::PublicPreview,
    ),
    capability("keys", "Keys of this API", Stability::PublicPreview),
    capability("audit", "Who changed what, and when", Stability::PublicPreview),
    capability("service", "The service itself", Stability::PublicPreview),
    capability(
        "identities",
        "Identities of a resource and their access tokens",
        Stability::PublicPreview,
    ),
    capability(
        "events",
        "Calling events, delivered to webhooks",
        Stability::PublicPreview,
    ),
    capability(
        "usage",
        "How much was used, by resource and month",
        Stability::PublicPreview,
    ),
    capability(
        "calls",
        "Records of calls, and the calls of the moment",
        Stability::PublicPreview,
    ),
    capability(
        "voicemail",
        "Messages that callers left for members, and what callers are greeted with",
        Stability::PublicPreview,
    ),
    capability(
        "meetings",
        "Meetings: their links, options and participants, the lobby",
        Stability::PublicPreview,
    ),
    capability(
        "chat",
        "Conversations of external users and members, and where they are kept",
        Stability::PublicPreview,
    ),
    capability(
        "ad-hoc calling",
        "1:1 calls between external users and members",
        Stability::PublicPreview,
    ),
];

/// A raw id, as the document shows it.
#[derive(ToSchema)]
#[schema(value_type = String, example = "member:contoso:mia",
    pattern = r"^((external|member|application):[A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}|guest:[A-Za-z0-9._-]{1,64}|phone:[+][0-9]{3,15})$")]
#[allow(dead_code, reason = "stands for `Identifier`, which knows no documents")]
pub(crate) struct RawId(String);

/// Types that are one label (`sidetone_signaling::identifier::Label`) each, and what it looks like.
const LABELS: [&str; 6] = [
    "OrganisationId",
    "ResourceId",
    "MemberId",
    "ApplicationId",
    "GroupId",
    "PolicyName",
];
const LABEL: &str = "^[A-Za-z0-9._-]{1,64}$";

/// Name of the security scheme.
const SCHEME: &str = "key";

/// Whether an address needs no key.
pub(crate) fn is_public(path: &str) -> bool {
    matches!(path, "/v1/openapi.json" | "/v1/capabilities")
}

/// Adds what holds for every operation.
pub(crate) fn complete(mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Sidetone")
        .version("1")
        .description(Some(ABOUT))
        .build();
    document.servers = None;
    document.tags = Some(CAPABILITIES.iter().map(tag).collect());
    let components = document.components.get_or_insert_with(Components::new);
    components
        .schemas
        .insert(ProblemDetails::name().into_owned(), ProblemDetails::schema());
    let mut schemas = Vec::new();
    ProblemDetails::schemas(&mut schemas);
    components.schemas.extend(schemas);
    for name in LABELS {
        if let Some(RefOr::T(Schema::Object(schema))) = components.schemas.get_mut(name) {
            schema.pattern = Some(LABEL.to_owned());
        }
    }
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A key of this API, or the access token of a user: a member, an external user, a voice application.",
        ));
    components
        .security_schemes
        .insert(SCHEME.to_owned(), SecurityScheme::Http(scheme.build()));
    for (path, item) in &mut document.paths.paths {
        let public = is_public(path);
        for operation in operations(item) {
            operation.operation_id = operation.operation_id.take().map(|handler| name(&handler, path));
            complete_operation(operation, public);
        }
    }
    document
}

fn tag(capability: &Capability) -> utoipa::openapi::Tag {
    let extensions = Extensions::from_iter([("x-stability", json!(capability.stability))]);
    TagBuilder::new()
        .name(capability.name)
        .description(Some(capability.about))
        .extensions(Some(extensions))
        .build()
}

/// A name that no other operation has: the handler's, and what is fixed in the path.
fn name(handler: &str, path: &str) -> String {
    let fixed = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != "v1" && !part.starts_with('{'));
    let parts = std::iter::once(handler)
        .chain(fixed)
        .map(|part| part.replace('-', "_"));
    parts.collect::<Vec<_>>().join("_")
}

fn complete_operation(operation: &mut Operation, public: bool) {
    let responses = &mut operation.responses.responses;
    responses
        .entry("default".to_owned())
        .or_insert_with(|| RefOr::T(refusal("It was refused; `type` says why.")));
    responses
        .entry("429".to_owned())
        .or_insert_with(|| RefOr::T(too_many()));
    if !public {
        responses
            .entry("401".to_owned())
            .or_insert_with(|| RefOr::T(refusal("No key or token, or one that is not valid.")));
        operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(SCHEME, [])]);
    }
    let stability = operation
        .tags
        .iter()
        .flatten()
        .find_map(|tag| CAPABILITIES.iter().find(|capability| capability.name == tag));
    if let Some(capability) = stability {
        operation
            .extensions
            .get_or_insert_default()
            .insert("x-stability".to_owned(), json!(capability.stability));
    }
}

/// Every operation of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}

fn refusal(about: &str) -> Response {
    let reference = Ref::from_schema_name(ProblemDetails::name());
    ResponseBuilder::new()
        .description(about)
        .content(MEDIA_TYPE, ContentBuilder::new().schema(Some(reference)).build())
        .build()
}

fn too_many() -> Response {
    let mut response = refusal("Too much in too short a time.");
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    let header = HeaderBuilder::new()
        .schema(seconds)
        .description(Some("Seconds until it is worth trying again."));
    response.headers.insert("Retry-After".to_owned(), header.build());
    response
}

/// The document as it is served and checked in.
pub(crate) fn to_json(document: &OpenApi) -> Value {
    // Made of strings and maps: it always serialises.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    allow_repetition(&mut document);
    document
}

/// What is a set is read leniently: an entry that comes twice counts once.
fn allow_repetition(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("uniqueItems");
            fields.values_mut().for_each(allow_repetition);
        }
        Value::Array(items) => items.iter_mut().for_each(allow_repetition),
        _ => {}
    }
}

const ABOUT: &str = "\
The organisation side of a calling service: who exists, who may call whom, and what was changed.

Every request but the public ones carries `Authorization: Bearer` with a key of this API or a member's access token. \
Refusals are problem details (RFC 9457). A thing's `ETag` may be sent back as `If-Match` (412 when somebody changed it \
since), and `If-None-Match: *` means create only. A changing request may carry an `Idempotency-Key`: repeated within \
24 hours it is done once and answered alike. Lists come in pages: `next` of one is `after` of the next.

What belongs to others answers 403 whether it exists or not.";
