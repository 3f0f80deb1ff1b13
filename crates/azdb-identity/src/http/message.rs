//! A request and its answer.

use std::time::{Duration, SystemTime};

use azdb_quote::Quoted;
use azure_core::http::Url;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response};
use zeroize::Zeroizing;

use super::{HttpFault, LONGEST};
use crate::{Clock, sdk};

/// A request. It may hold secrets: no `Debug`.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Outgoing {
    pub(crate) fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// Sets a header whose value is a secret or comes from outside.
    pub(crate) fn secret_header(&mut self, name: HeaderName, value: &str) -> Result<(), HttpFault> {
        let mut value = HeaderValue::from_str(value).map_err(|_| HttpFault::BadHeader)?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(())
    }

    /// In the form in which a server is asked for something of its own.
    pub(super) fn origin_form(self) -> Result<Request<Full<Bytes>>, HttpFault> {
        let Self {
            method,
            url,
            headers,
            body,
        } = self;
        let host = url.host_str().ok_or(HttpFault::BadUrl)?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| HttpFault::BadUrl)?;
        *request.headers_mut() = headers;
        let authority = HeaderValue::from_str(&authority).map_err(|_| HttpFault::BadUrl)?;
        request.headers_mut().insert(HOST, authority);
        Ok(request)
    }
}

/// An answer. It may hold a token: no `Debug`.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// From now on.
    pub(crate) retry_after: Option<Duration>,
    /// The value of `WWW-Authenticate`.
    pub(crate) challenge: Option<String>,
    /// The value of `Location`.
    location: Option<String>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// Where a redirect leads to, as it may be shown.
    pub(crate) fn leads_to(&self) -> String {
        let Some(location) = &self.location else {
            return "nowhere".to_owned();
        };
        match Url::parse(location) {
            Ok(url) if url.has_host() => Quoted(sdk::endpoint(&url).as_bytes()).to_string(),
            _ => "another path".to_owned(),
        }
    }

    /// Reads the whole of an answer.
    pub(super) async fn read(
        response: Response<Incoming>,
        clock: &Clock,
    ) -> Result<Self, HttpFault> {
        let (head, body) = response.into_parts();
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        Ok(Self {
            status: head.status.as_u16(),
            retry_after: text(RETRY_AFTER).and_then(|value| retry_after(value, clock)),
            challenge: text(WWW_AUTHENTICATE).map(str::to_owned),
            location: text(LOCATION).map(str::to_owned),
            body: whole(body).await?,
        })
    }
}

async fn whole(mut body: Incoming) -> Result<Zeroizing<Vec<u8>>, HttpFault> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > LONGEST {
        return Err(HttpFault::TooLong);
    }
    // A buffer that grows leaves copies behind, so it is as large as it can become.
    let room = if body.size_hint().exact().is_some() {
        announced
    } else {
        LONGEST
    };
    let mut whole = Zeroizing::new(Vec::with_capacity(room));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(HttpFault::of)?.into_data() else {
            continue;
        };
        if whole.len() + data.len() > LONGEST {
            return Err(HttpFault::TooLong);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}

/// Seconds, or a date that is not over.
fn retry_after(value: &str, clock: &Clock) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = SystemTime::from(azure_core::time::parse_rfc7231(value).ok()?);
    moment.duration_since(clock.now()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_seconds_or_a_date_by_the_engines_clock() {
        // Fri, 15 Jan 2027 08:00:00 GMT
        let clock = Clock::simulated(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let asked = |value| retry_after(value, &clock);
        let minute = Some(Duration::from_secs(60));
        assert_eq!(asked(" 60"), minute);
        assert_eq!(asked("Fri, 15 Jan 2027 08:01:00 GMT"), minute);
        assert_eq!(asked("Fri, 15 Jan 2027 07:59:59 GMT"), None);
        assert_eq!(asked("soon"), None);
    }

    #[test]
    fn a_redirect_is_shown_without_what_it_carries() {
        let to = |location: Option<&str>| {
            let answer = Answer {
                status: 302,
                retry_after: None,
                challenge: None,
                location: location.map(str::to_owned),
                body: Zeroizing::default(),
            };
            answer.leads_to()
        };
        let portal = "https://user:secret@portal.example:8443/login?from=169.254.169.254&t=eyJ.x.y";
        assert_eq!(to(Some(portal)), "`https://portal.example:8443`");
        assert_eq!(to(Some("/login")), "another path");
        assert_eq!(to(None), "nowhere");
    }
}
