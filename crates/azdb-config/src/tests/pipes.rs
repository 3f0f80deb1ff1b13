#[cfg(windows)]
use super::load;
use super::problems_of;
#[cfg(windows)]
use super::route;

#[test]
#[cfg(not(windows))]
fn named_pipes_are_a_matter_of_windows() {
    assert_eq!(
        problems_of("listen = ['pipe:sql\\query']\npipe_users = ['BUILTIN\\Users']"),
        "proxy.toml:5: route \"orders\": listen: named pipes are a matter of Windows: here it is unix:/path\n\
         proxy.toml:6: route \"orders\": pipe_users: users of named pipes are a matter of Windows"
    );
    assert_eq!(
        problems_of("listen = ['pipe:a\\..\\b']"),
        "proxy.toml:5: route \"orders\": listen: \"a\\\\..\\\\b\" is no name of a pipe, for example \"pipe:sql\\query\""
    );
}

#[test]
#[cfg(windows)]
fn a_pipe_is_for_the_user_of_the_proxy_and_for_pipe_users() {
    let users = |of: &str| {
        let text = route(&format!("listen = ['pipe:sql\\query']\n{of}"));
        let config = load(&text).unwrap();
        let users = config.routes[0].rights.pipe_users.iter();
        let sids: Vec<String> = users.map(|user| user.sid.clone()).collect();
        let summary = crate::summary(&config);
        assert!(summary.contains(r"pipe:\\.\pipe\sql\query"), "{summary}");
        (sids.join(" "), summary, config.warnings)
    };
    let (sids, summary, warnings) = users("");
    assert_eq!((&*sids, warnings.len()), ("", 0));
    assert!(
        summary.contains("by pipe the user of the proxy, without a password"),
        "{summary}"
    );
    let (sids, summary, warnings) = users("pipe_users = ['S-1-5-18', 'Everyone']");
    assert_eq!(sids, "S-1-5-18 S-1-1-0");
    assert!(
        summary.contains("the user of the proxy and S-1-5-18 and Everyone"),
        "{summary}"
    );
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}");
    };
    assert!(
        warning.contains("every user of this machine gets the database"),
        "{warning}"
    );
}

#[test]
#[cfg(windows)]
fn a_user_whom_nobody_knows_is_a_problem_with_its_line() {
    let said = problems_of("listen = ['pipe:MySQL']\npipe_users = ['S-1-5-18', 'nobody at all']");
    assert_eq!(
        said,
        "proxy.toml:6: route \"orders\": pipe_users: there is no user or group \"nobody at all\" here"
    );
    assert_eq!(
        problems_of("pipe_users = 'S-1-5-18'"),
        "proxy.toml:5: route \"orders\": pipe_users: guards named pipes, and listen has none"
    );
}

#[test]
#[cfg(windows)]
fn two_routes_cannot_have_one_pipe() {
    let other = "listen = ['pipe:MYSQL']\n[[route]]\nname = \"b\"\nprotocol = \"mysql\"\nupstream_user = \"u\"\n\
                 upstream = \"b.mysql.database.azure.com\"\nlisten = ['pipe:mysql']";
    let said = problems_of(other);
    assert!(said.contains(r"pipe:\\.\pipe\mysql"), "{said}");
}
