//! What stands in for Microsoft Entra in these tests, and who is asked.

use std::sync::Arc;

use rustls::RootCertStore;
use serde_json::json;

use super::endpoint::{Endpoint, Reply, Seen};
use super::{CLIENT_ID, OBJECT_ID, RESOURCE_ID, around_with, of, tls, token_of};
use crate::{Audience, Cloud, IdentityConfig, OwnCloud, Selector, SourceKind};

pub(super) const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn answer(_: &Seen) -> Reply {
    let token = token_of(CLIENT_ID, OBJECT_ID, RESOURCE_ID);
    Reply::json(
        200,
        &json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}),
    )
}

pub(super) async fn authority() -> Endpoint {
    Endpoint::https(answer).await
}

#[test]
fn the_authority_is_chosen_by_configuration_environment_and_audience() {
    let plan_of = |identity: &IdentityConfig, host: &str, audience| {
        let around = around_with(
            [("AZURE_AUTHORITY_HOST", host)],
            tls(RootCertStore::empty()),
        );
        super::plan(identity, &audience, &around).map(|(plan, _)| plan.authority)
    };
    let oss = |cloud: Cloud| cloud.oss_rdbms_audience();
    let any = IdentityConfig {
        tenant_id: Some("t".to_owned()),
        selector: Some(Selector::ClientId(CLIENT_ID.to_owned())),
        client_secret_file: Some("/secret".into()),
        ..of(SourceKind::ServicePrincipal)
    };
    let china = IdentityConfig {
        cloud: Some(Cloud::China),
        ..any.clone()
    };
    let authority =
        |identity: &IdentityConfig, host, cloud| plan_of(identity, host, oss(cloud)).unwrap();
    assert_eq!(
        authority(&any, "", Cloud::Public),
        "https://login.microsoftonline.com"
    );
    assert_eq!(
        authority(&any, "", Cloud::UsGovernment),
        "https://login.microsoftonline.us"
    );
    assert_eq!(
        authority(&any, "https://a.example/", Cloud::China),
        "https://a.example"
    );
    assert_eq!(
        authority(&any, "a.example", Cloud::China),
        "https://a.example"
    );
    assert_eq!(
        authority(&china, "https://a.example/", Cloud::Public),
        "https://login.partner.microsoftonline.cn"
    );
    let own = OwnCloud {
        authority: "https://login.azure.test".to_owned(),
        sql_audience: Audience::new("https://database.azure.test"),
        oss_audience: Audience::new("https://ossrdbms-aad.database.azure.test"),
        suffixes: vec!["database.azure.test".to_owned()],
    };
    let own = Cloud::Own(Arc::new(own));
    let in_own = IdentityConfig {
        cloud: Some(own.clone()),
        ..any.clone()
    };
    assert_eq!(
        authority(&in_own, "https://a.example/", own),
        "https://login.azure.test"
    );
    for bad in ["http://a.example", "ftp://a", "https://"] {
        let error = plan_of(&any, bad, oss(Cloud::Public)).unwrap_err();
        assert!(
            error.cause().contains("not an https URL"),
            "{bad}: {}",
            error.cause()
        );
    }
}
