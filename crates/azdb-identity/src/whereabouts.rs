//! Where this process runs, as far as the same fault is mended in another way there.
//!
//! A guess by what the platform leaves around, for the words of a remedy. It decides two things besides: that a container app is not
//! told to label a pod, and that on a machine whose firmware says that it is Azure's whoever answers as IMDS is IMDS, which may be away
//! for a moment: a sign-in that happens to be there does not take its place for good.

use std::path::Path;

use crate::Environment;

/// A place with remedies of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Whereabouts {
    /// Somebody's desk, or anything else.
    #[default]
    Elsewhere,
    /// A pod of Kubernetes.
    Pod,
    /// An app or a job of Azure Container Apps.
    ContainerApp,
    /// An app of Azure App Service, or of Functions.
    AppService,
    /// A virtual machine of Azure.
    AzureMachine,
    /// A container somewhere.
    Container,
    /// A container on a virtual machine of Azure.
    ContainerOnAzure,
}

/// What the firmware of every virtual machine of Azure says.
const AZURE_CHASSIS: &str = "7783-7084-3265-9085-8269-3286-77";

impl Whereabouts {
    /// Those that differ from anywhere else, and how a page calls them.
    #[cfg(test)]
    pub(crate) const NAMED: [(Self, &str); 6] = [
        (Self::Pod, "in a pod"),
        (Self::ContainerApp, "in Container Apps"),
        (Self::AppService, "in App Service"),
        (Self::AzureMachine, "on a virtual machine of Azure"),
        (Self::Container, "in a container"),
        (Self::ContainerOnAzure, "in a container on Azure"),
    ];

    /// By variables, and by what lies around in the file system.
    pub(crate) fn of(environment: &Environment) -> Self {
        Self::told(environment).unwrap_or_else(|| {
            let chassis = std::fs::read_to_string("/sys/class/dmi/id/chassis_asset_tag");
            let on_azure = chassis.is_ok_and(|tag| tag.trim() == AZURE_CHASSIS);
            let marks = ["/.dockerenv", "/run/.containerenv"];
            let in_container = marks.iter().any(|mark| Path::new(mark).exists());
            match (in_container, on_azure) {
                (true, true) => Self::ContainerOnAzure,
                (true, false) => Self::Container,
                (false, true) => Self::AzureMachine,
                (false, false) => Self::Elsewhere,
            }
        })
    }

    /// By variables alone. Container Apps run in a cluster, and show it.
    pub(crate) fn told(environment: &Environment) -> Option<Self> {
        let any = |names: &[&str]| names.iter().any(|name| environment.get(name).is_some());
        if any(&["CONTAINER_APP_NAME", "CONTAINER_APP_JOB_NAME"]) {
            Some(Self::ContainerApp)
        } else if any(&["WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID"]) {
            Some(Self::AppService)
        } else if any(&["KUBERNETES_SERVICE_HOST"]) {
            Some(Self::Pod)
        } else {
            None
        }
    }

    /// Whether IMDS itself answers here, and nobody in its place.
    pub(crate) fn is_azures_own_machine(self) -> bool {
        matches!(self, Self::AzureMachine | Self::ContainerOnAzure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_app_is_no_pod() {
        let told =
            |names: &[&str]| Whereabouts::told(&names.iter().map(|name| (*name, "x")).collect());
        let cluster = "KUBERNETES_SERVICE_HOST";
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[cluster]), Some(Whereabouts::Pod));
        for name in ["CONTAINER_APP_NAME", "CONTAINER_APP_JOB_NAME"] {
            assert_eq!(told(&[name, cluster]), Some(Whereabouts::ContainerApp));
        }
        assert_eq!(told(&["WEBSITE_SITE_NAME"]), Some(Whereabouts::AppService));
    }
}
