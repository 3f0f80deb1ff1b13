//! Who is granted something: what the databases must know of an identity.

use std::fmt;
use std::str::FromStr;

use azdb_identity::Claims;

use super::unfit::Unfit;

/// An id of Microsoft Entra: 8-4-4-4-12 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntraId(String);

impl FromStr for EntraId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        let is_hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
        if lengths == [8, 4, 4, 4, 12] && groups.iter().all(is_hex) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err("must be an id such as 00000000-0000-0000-0000-000000000000".to_owned())
        }
    }
}

impl EntraId {
    /// The bytes of SQL Server's uniqueidentifier, the first three groups of which are turned round, as T-SQL has bytes.
    pub(super) fn as_uniqueidentifier(&self) -> String {
        let mut text = "0x".to_owned();
        for (at, group) in self.0.split('-').enumerate() {
            let mut bytes: Vec<&str> = group
                .as_bytes()
                .chunks(2)
                .filter_map(|byte| std::str::from_utf8(byte).ok())
                .collect();
            if at < 3 {
                bytes.reverse();
            }
            text.push_str(&bytes.concat().to_ascii_uppercase());
        }
        text
    }
}

impl fmt::Display for EntraId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a principal stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// A managed identity or another service principal
    Service,
    /// A person
    User,
    /// A group of Microsoft Entra
    #[value(skip)]
    Group,
}

impl Kind {
    /// The word of PostgreSQL's functions.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::User => "user",
            Self::Group => "group",
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Service => "identity",
            Self::User => "person",
            Self::Group => "group",
        }
    }
}

/// What is known of an identity, from its token or from a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) kind: Option<Kind>,
    /// Its name in Microsoft Entra.
    pub(crate) name: Option<String>,
    pub(crate) object_id: Option<EntraId>,
    pub(crate) client_id: Option<EntraId>,
    pub(crate) tenant: Option<EntraId>,
}

impl Known {
    /// What a token says. Unverified: the endpoint that gave it is the proof there is, and a database believes none of it.
    pub(crate) fn of(claims: &Claims) -> Self {
        let is_person = match claims.idtyp.as_deref() {
            Some(idtyp) => idtyp == "user",
            None => claims.upn.is_some(),
        };
        let id = |claim: &Option<String>| claim.as_deref().and_then(|id| id.parse().ok());
        let (kind, name, client_id) = if is_person {
            // `appid` is the program that signed the person in.
            (Kind::User, claims.upn.clone(), None)
        } else {
            let resource = claims.xms_mirid.as_deref();
            (Kind::Service, resource.and_then(name_of), id(&claims.appid))
        };
        Self {
            kind: Some(kind),
            name,
            object_id: id(&claims.oid),
            client_id,
            tenant: id(&claims.tid),
        }
    }

    /// What `self` says, and where it says nothing `other`.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            kind: self.kind.or(other.kind),
            name: self.name.or(other.name),
            object_id: self.object_id.or(other.object_id),
            client_id: self.client_id.or(other.client_id),
            tenant: self.tenant.or(other.tenant),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind.unwrap_or(Kind::Service)
    }

    /// The object (principal) id.
    pub(super) fn object_id(&self) -> Result<&EntraId, Unfit> {
        self.object_id.as_ref().ok_or(Unfit::Missing("--object-id"))
    }

    /// The id that MySQL and SQL Server know it by: of services the client (application) id, of everybody else the object id.
    pub(super) fn own_id(&self) -> Result<&EntraId, Unfit> {
        match self.kind() {
            Kind::Service => self.client_id.as_ref().ok_or(Unfit::Missing("--client-id")),
            Kind::User | Kind::Group => self.object_id(),
        }
    }

    /// Its name in Microsoft Entra.
    pub(super) fn name(&self) -> Result<&str, Unfit> {
        self.name.as_deref().ok_or(Unfit::Missing("--name"))
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().in_words())?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        for (what, id) in [
            ("object id", &self.object_id),
            ("client id", &self.client_id),
            ("tenant", &self.tenant),
        ] {
            if let Some(id) = id {
                write!(f, ", {what} {id}")?;
            }
        }
        Ok(())
    }
}

/// The name of a managed identity, which is that of its Azure resource: of the identity itself, or of whatever it was made for. That of a
/// deployment slot has its app's before it.
fn name_of(resource_id: &str) -> Option<String> {
    let mut last = resource_id.rsplit('/').filter(|part| !part.is_empty());
    let name = last.next()?;
    let kind = last.next()?;
    if kind.eq_ignore_ascii_case("slots") {
        return Some(format!("{}/slots/{name}", last.next()?));
    }
    Some(name.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    const OID: &str = "c0ffee00-5a0e-4b1d-9f5c-2b7e8d4a6f02";
    const APP: &str = "7d1c1b3c-2f65-4a52-8e37-3f1f0d6c9b01";

    #[test]
    fn an_identity_is_called_what_its_resource_is() {
        for (resource, name) in [
            (
                "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/orders-id",
                "orders-id",
            ),
            (
                "/subscriptions/s/resourcegroups/g/providers/Microsoft.Web/sites/shop",
                "shop",
            ),
            (
                "/subscriptions/s/resourcegroups/g/providers/Microsoft.Web/sites/shop/slots/staging",
                "shop/slots/staging",
            ),
            (
                "/subscriptions/s/resourcegroups/g/providers/Microsoft.Compute/virtualMachines/vm1/",
                "vm1",
            ),
        ] {
            assert_eq!(name_of(resource).as_deref(), Some(name));
        }
        assert_eq!(name_of("orders"), None);
    }

    #[test]
    fn the_program_that_signs_a_person_in_is_not_their_client_id() {
        let claims = Claims {
            oid: Some(OID.to_owned()),
            appid: Some(APP.to_owned()),
            upn: Some("bob@contoso.com".to_owned()),
            ..Claims::default()
        };
        let person = Known::of(&claims);
        assert_eq!(person.kind(), Kind::User);
        assert_eq!(person.name().unwrap(), "bob@contoso.com");
        assert_eq!(person.own_id().unwrap().to_string(), OID);
        let claims = Claims {
            idtyp: Some("app".to_owned()),
            ..claims
        };
        let service = Known::of(&claims);
        assert_eq!(service.kind(), Kind::Service);
        assert_eq!(service.own_id().unwrap().to_string(), APP);
        assert!(matches!(service.name(), Err(Unfit::Missing("--name"))));
    }

    /// `cast(cast('…' as uniqueidentifier) as varbinary(16))`, as the manual of T-SQL shows one.
    #[test]
    fn sql_server_turns_three_groups_round() {
        let id: EntraId = "6F9619FF-8B86-D011-B42D-00C04FC964FF".parse().unwrap();
        assert_eq!(
            id.as_uniqueidentifier(),
            "0xFF19966F868B11D0B42D00C04FC964FF"
        );
    }

    #[test]
    fn what_is_no_id_is_none() {
        assert_eq!(
            OID.to_uppercase().parse::<EntraId>().unwrap().to_string(),
            OID
        );
        for text in [
            "",
            "orders",
            "c0ffee00-5a0e-4b1d-9f5c-2b7e8d4a6f0g",
            "'; drop",
        ] {
            text.parse::<EntraId>().unwrap_err();
        }
    }
}
