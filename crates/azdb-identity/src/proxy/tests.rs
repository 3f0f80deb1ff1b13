#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::*;

const AUTHORITY: &str = "https://login.microsoftonline.com";

/// What `authority_proxy = "env"` comes to.
fn by_environment<const N: usize>(variables: [(&str, &str); N]) -> Result<Option<String>, String> {
    let environment = Environment::from_iter(variables);
    let proxy = on_the_way_to(AUTHORITY, Some(&AuthorityProxy::Environment), &environment);
    let proxy = proxy.map_err(|fault| fault.to_string())?;
    Ok(proxy.map(|proxy| proxy.to_string()))
}

#[test]
fn a_url_of_a_proxy_is_shown_without_its_password() {
    let proxy: ProxyUrl = "http://me:s3cr%40t@proxy.example:3128".parse().unwrap();
    assert_eq!(proxy.to_string(), "proxy.example:3128");
    assert_eq!(format!("{proxy:?}"), "proxy.example:3128");
    // "me:s3cr@t"
    assert_eq!(proxy.credentials.unwrap().as_str(), "Basic bWU6czNjckB0");
    let plain: ProxyUrl = "http://[::1]".parse().unwrap();
    assert_eq!(plain.to_string(), "[::1]:80");
    assert!(plain.credentials.is_none());
    assert_eq!("env".parse(), Ok(AuthorityProxy::Environment));
}

#[test]
fn what_is_no_url_of_a_proxy_is_refused_without_being_repeated() {
    for (text, refusal) in [
        ("", NoProxyUrl::Form),
        ("proxy:3128", NoProxyUrl::Form),
        ("https://s3cret@proxy:3128", NoProxyUrl::Form),
        ("socks5://proxy:1080", NoProxyUrl::Form),
        ("http://", NoProxyUrl::Form),
        ("http://proxy:99999", NoProxyUrl::Form),
        ("http://proxy/path", NoProxyUrl::Rest),
        ("http://proxy?s3cret", NoProxyUrl::Rest),
        ("http://s3c%3Aret@proxy", NoProxyUrl::Credentials),
        ("http://s3cret%0d%0a@proxy", NoProxyUrl::Credentials),
        ("http://me:%ff@proxy", NoProxyUrl::Credentials),
    ] {
        let refused = text.parse::<AuthorityProxy>();
        assert_eq!(refused, Err(refusal), "{text}");
        assert!(!refusal.to_string().contains("s3c"));
    }
}

#[test]
fn the_environment_is_asked_only_when_the_configuration_says_so() {
    let environment = Environment::from_iter([("HTTPS_PROXY", "http://proxy:3128")]);
    assert_eq!(
        on_the_way_to(AUTHORITY, None, &environment).ok(),
        Some(None)
    );
    let own: AuthorityProxy = "http://own:1".parse().unwrap();
    let chosen = on_the_way_to(AUTHORITY, Some(&own), &environment);
    assert_eq!(chosen.ok().flatten().unwrap().to_string(), "own:1");
}

#[test]
fn the_environment_says_proxy_and_exceptions_as_curl_reads_them() {
    let proxy = Ok(Some("proxy:3128".to_owned()));
    assert_eq!(
        by_environment([("HTTPS_PROXY", "http://proxy:3128")]),
        proxy
    );
    assert_eq!(by_environment([("HTTPS_PROXY", "proxy:3128")]), proxy);
    assert_eq!(
        by_environment([
            ("HTTPS_PROXY", "http://x"),
            ("https_proxy", "http://proxy:3128")
        ]),
        proxy
    );
    for nothing in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        assert_eq!(by_environment([(nothing, "http://proxy:3128")]), Ok(None));
    }
    for (list, spared) in [
        ("*", true),
        ("login.microsoftonline.com", true),
        ("localhost,.microsoftonline.com", true),
        ("microsoftonline.com", true),
        ("example.com,169.254.169.254", false),
        ("online.com", false),
        ("", false),
    ] {
        let said = by_environment([("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", list)]);
        assert_eq!(said.unwrap().is_none(), spared, "{list}");
    }
    // The first name that is asked for: on Windows case does not count.
    let named = match cfg!(windows) {
        true => "https_proxy",
        false => "HTTPS_PROXY",
    };
    let said = by_environment([("HTTPS_PROXY", "socks5://me:s3cret@proxy:1080")]).unwrap_err();
    assert!(
        said.starts_with(&format!("{named}, which")) && !said.contains("s3cret"),
        "{said}"
    );
}

#[test]
fn a_link_local_address_is_never_asked_through_a_proxy() {
    let proxy: AuthorityProxy = "http://proxy:3128".parse().unwrap();
    for authority in ["https://169.254.169.254", "https://[fe80::1]:8443"] {
        let way = on_the_way_to(authority, Some(&proxy), &Environment::default());
        assert_eq!(way.ok(), Some(None), "{authority}");
    }
}
