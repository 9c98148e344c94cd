//! What a request that is not allowed gets, and its line in the decision log.

use actgate::Error;
use actgate::resource::Metadata;
use http::StatusCode;

use super::cors::Preflight;
use super::form::FormError;
use super::head_error::HeadError;
use crate::log::event::Event;

/// Why a request is denied.
#[derive(Debug)]
pub(crate) enum Denial {
    /// Its head is invalid; it was not authorized.
    Head(HeadError),
    /// It is not authorized.
    Authorization(Error),
}

impl Denial {
    /// The status of the response, but for a call of gRPC.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Denial::Head(error) => error.status,
            Denial::Authorization(error) => error.status(),
        }
    }

    fn describe<'e>(&'e self, event: &mut Event<'e>) {
        event.deny();
        event.status = Some(self.status().as_u16());
        (event.code, event.reason) = match self {
            Denial::Head(HeadError { code, reason, .. }) => (Some(*code), Some((*reason).to_owned())),
            Denial::Authorization(error) => {
                event.rule = error.rule();
                let reason = match event.reason.take() {
                    Some(note) => format!("{error}: {note}"),
                    None => error.to_string(),
                };
                (Some(error.code()), Some(reason))
            }
        };
    }
}

/// What a request that is not allowed gets.
#[derive(Debug)]
pub(crate) enum Unforwarded {
    /// It is for the metadata of a resource, and is answered here.
    Metadata(Metadata),
    /// It asks what a web page may send, and is answered here.
    Preflight(Preflight),
    Denied(Denial),
}

impl Unforwarded {
    /// Writes to the line of the request what it gets.
    pub(crate) fn describe<'e>(&'e self, event: &mut Event<'e>) {
        match self {
            Unforwarded::Metadata(metadata) => {
                let status = metadata.status();
                (event.status, event.code) = (Some(status.as_u16()), Some("resource_metadata"));
                if !status.is_success() {
                    event.deny();
                }
            }
            Unforwarded::Preflight(_) => {
                (event.status, event.code) = (Some(Preflight::STATUS.as_u16()), Some("cors_preflight"));
            }
            Unforwarded::Denied(denial) => denial.describe(event),
        }
    }
}

impl From<Denial> for Unforwarded {
    fn from(denial: Denial) -> Unforwarded {
        Unforwarded::Denied(denial)
    }
}

impl From<FormError> for Denial {
    fn from(error: FormError) -> Denial {
        match error {
            FormError::Token | FormError::Method => Denial::Authorization(Error::invalid_request(error.reason())),
            FormError::Client(_) => Denial::Head(error.head_error()),
        }
    }
}
