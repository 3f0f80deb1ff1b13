#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::time::SystemTime;

use serde_json::json;

use super::*;
use crate::token::tests::jwt;
use crate::{Cloud, SourceKind, TokenError};

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn oss() -> Audience {
    Cloud::Public.oss_rdbms_audience()
}

fn grant(body: &str, shape: Shape) -> Result<Grant, SourceFault> {
    let (clock, audience) = (Clock::simulated(noon()), oss());
    read(body.as_bytes(), shape, Wanted::anybodys(&audience), &clock)
}

fn life(body: &str) -> Option<Duration> {
    Some(grant(body, Shape::Endpoint).ok()?.token.left())
}

/// The token, or the cause that a person reads.
fn printed(body: &str) -> Result<String, String> {
    match grant(body, Shape::PrintedOrBare) {
        Ok(grant) => Ok(grant.token.expose().to_owned()),
        Err(fault) => Err(TokenError::new(SourceKind::Command, fault).cause()),
    }
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_two_ends_counts() {
    let both = |on: u64, within: u64| {
        format!(r#"{{"access_token":"t","expires_on":"{on}","expires_in":{within}}}"#)
    };
    assert_eq!(
        life(&both(1_800_003_600, 7200)),
        Some(Duration::from_secs(3600))
    );
    assert_eq!(
        life(&both(1_800_007_200, 3600)),
        Some(Duration::from_secs(3600))
    );
}

#[tokio::test(start_paused = true)]
async fn a_zero_says_nothing_beside_a_good_end() {
    let hour = Some(Duration::from_secs(3600));
    let token = jwt(&json!({"exp": 1_800_003_600}));
    for fields in [
        r#""access_token":"t","expires_in":0,"expires_on":1800003600"#,
        r#""access_token":"t","expires_in":"0","expires_on":"1800003600""#,
        r#""access_token":"t","expires_in":0,"expires_on":"2027-01-15T09:00:00Z""#,
        r#""access_token":"t","expiresIn":0,"expiresOn":"2027-01-15 10:00:00+01:00""#,
        r#""access_token":"t","expires_in":3600,"expires_on":0"#,
        r#""access_token":"t","expires_in":"3600","expires_on":"0""#,
        r#""access_token":"t","expires_on":1800003600"#,
        r#""access_token":"t","expires_on":"2027-01-15T09:00:00.000Z""#,
        &format!(r#""access_token":"{token}","expires_in":0"#),
        &format!(r#""access_token":"{token}","expires_on":0,"expires_in":0"#),
        &format!(r#""access_token":"{token}""#),
    ] {
        assert_eq!(life(&format!("{{{fields}}}")), hour, "{fields}");
        let (shape, body) = (Shape::PrintedOrBare, format!("{{{fields}}}"));
        let left = grant(&body, shape).ok().map(|grant| grant.token.left());
        assert_eq!(left, hour, "{fields}");
    }
    for over in [
        r#"{"access_token":"t","expires_in":0}"#,
        r#"{"access_token":"t","expires_on":0}"#,
        r#"{"access_token":"t","expires_in":0,"expires_on":1700000000}"#,
    ] {
        let said = printed(over).unwrap_err();
        assert!(said.contains("gave a token that ended at 20"), "{said}");
    }
}

#[test]
fn ends_that_make_no_sense_are_no_ends() {
    for end in ["-5", "\"soon\"", "1e300", "null", "[]", "true", "\"NaN\""] {
        let body = format!(r#"{{"access_token":"t","expires_in":{end},"refresh_in":{end}}}"#);
        assert_eq!(life(&body), None, "{end}");
    }
    assert!(life(r#"{"access_token":"t","expires_in":1e11}"#).is_some());
}

#[test]
fn json_is_found_among_colours_and_warnings() {
    let object = r#"{"accessToken":"t","expires_on":1800003600}"#;
    for printed_so in [
        format!("\u{feff}{object}\r\n"),
        format!("WARNING: the module is old\n{object}\n"),
        format!("{object}\nA new release of {{tool}} is available\n"),
        format!("\u{1b}[33mWARNING: {{}}\u{1b}[0m\r\n\u{1b}[1m{object}\u{1b}[0m\n"),
        "\u{1b}[0m{\n  \u{1b}[94m\"accessToken\"\u{1b}[39;49;00m: \u{1b}[33m\"t\"\u{1b}[39;49;00m,\n \"expires_on\": 1800003600 }".to_owned(),
        format!("{{\"type\":\"consoleMessage\",\"data\":{{\"message\":\"m\"}}}}\n{object}"),
        format!("{{not json}}\n  {object}"),
        "\u{1b}[32mt\u{1b}[0m".to_owned(),
    ] {
        assert_eq!(printed(&printed_so), Ok("t".to_owned()), "{printed_so:?}");
    }
    for (nothing, says) in [
        ("WARNING: old\nt", "more than one word"),
        ("WARNING: old\n{\"a\":1}", "no `access_token`"),
        ("{broken", "not the JSON"),
        (&"{\n".repeat(100_000), "not the JSON"),
        ("\u{1b}[0m", "it is empty"),
    ] {
        let said = printed(nothing).unwrap_err();
        assert!(said.contains(says), "{said}");
    }
    assert!(
        grant(&format!("warning\n{object}"), Shape::Endpoint).is_err(),
        "an endpoint says nothing else"
    );
}

#[test]
fn a_token_has_no_nul_no_line_break_and_no_space() {
    for (token, what) in [
        (r"a\u0000b", "a NUL"),
        (r"a\r\nb", "a line break"),
        (r"a\n", "a line break"),
        (r" a", "a space"),
        (r"a b", "a space"),
        (r"a\tb", "a space"),
        (r"a\u0007b", "a control character"),
        (r"a\u00a0b", "a character beyond ASCII"),
        ("a\u{feff}", "a character beyond ASCII"),
    ] {
        let body = format!(r#"{{"access_token":"{token}","expires_in":3600}}"#);
        for shape in [Shape::Endpoint, Shape::Printed, Shape::PrintedOrBare] {
            let fault = grant(&body, shape).err().unwrap();
            let error = TokenError::new(SourceKind::Command, fault);
            assert_eq!(
                error.cause(),
                format!("the token command gave a token with {what} in it")
            );
            assert!(!error.is_transient());
            assert!(
                error.remedy().contains("nothing else"),
                "{}",
                error.remedy()
            );
        }
    }
    for bare in ["a\0b", "a\u{7}b", "aéb"] {
        let said = printed(bare).unwrap_err();
        assert!(said.contains("gave a token with a"), "{said}");
    }
}

#[test]
fn a_token_for_another_audience_is_not_taken() {
    let of = |aud: Value| jwt(&json!({"aud": aud, "exp": 1_800_003_600}));
    for aud in [
        json!("https://ossrdbms-aad.database.windows.net"),
        json!("https://ossrdbms-aad.database.windows.net/"),
        json!("123cd850-d9df-40bd-94d5-c9f07b7fa203"),
        json!([
            "https://other.example",
            "https://ossrdbms-aad.database.windows.net/"
        ]),
        json!(null),
        json!(""),
    ] {
        let token = of(aud.clone());
        assert_eq!(printed(&token), Ok(token), "{aud}");
    }
    for (aud, shown) in [
        (
            json!("https://database.windows.net/"),
            "https://database.windows.net/",
        ),
        (
            json!("https://management.azure.com"),
            "https://management.azure.com",
        ),
        (
            json!("022907d3-0f1b-48f7-badc-1ba6abab6d66"),
            "022907d3-0f1b-48f7-badc-1ba6abab6d66",
        ),
        (
            json!("https://ossrdbms-aad.database.chinacloudapi.cn"),
            "https://ossrdbms-aad.database.chinacloudapi.cn",
        ),
        (json!(["a\u{1b}[2J"]), "a\\u{1b}[2J"),
    ] {
        let token = of(aud);
        for body in [
            token.clone(),
            format!(r#"{{"token":"{token}","expires_in":900}}"#),
        ] {
            assert_eq!(
                printed(&body),
                Err(format!(
                    "the token command gave a token for `{shown}`, and the database takes those for `https://ossrdbms-aad.database.windows.net`"
                ))
            );
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_answer_makes_it_panic(
        body in r#"(\{|\}|"|:|,|[0-9]{1,20}|-|e|access_token|expires_on|expires_in|expiresOn|refresh_in|eyJ|\.|\PC){0,60}"#,
    ) {
        for shape in [Shape::Endpoint, Shape::Printed, Shape::PrintedOrBare] {
            if let Ok(grant) = grant(&body, shape) {
                let left = grant.token.expires_at().duration_since(noon()).unwrap_or_default();
                proptest::prop_assert!(left >= schedule::FLOOR);
                proptest::prop_assert!(grant.token.expose().bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }

    #[test]
    fn no_number_makes_it_panic(on: u64, within: f64, refresh: u64) {
        let body = json!({
            "access_token": "t", "expires_on": on, "expires_in": within, "refresh_in": refresh,
        });
        if let Ok(grant) = grant(&body.to_string(), Shape::Endpoint) {
            let life = grant.token.expires_at().duration_since(noon()).unwrap_or_default();
            let wait = schedule::refresh(life, grant.refresh_in, &mut schedule::Jitter::seeded(on));
            proptest::prop_assert!(wait <= Duration::from_secs(86_400));
        }
    }
}
