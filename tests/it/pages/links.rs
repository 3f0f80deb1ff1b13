//! Every link between pages leads to a file of the project, and to a heading in it.

use std::path::{Component, Path};

use super::page::{Page, in_project, pages};

/// Where the links of a page lead that stay in the project.
fn targets(page: &Page) -> Vec<String> {
    let prose = page.prose().join("\n");
    let links = prose.split("](").skip(1);
    links
        .map(|rest| rest.split(')').next().unwrap().to_owned())
        .filter(|target| !target.contains("://"))
        .collect()
}

/// A path in the project, seen from a page in it.
fn from(page: &Page, path: &str) -> String {
    let directory = Path::new(&page.name).parent().unwrap();
    let mut parts: Vec<String> = Vec::new();
    for part in directory.join(path).components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            part => parts.push(part.as_os_str().to_str().unwrap().to_owned()),
        }
    }
    parts.join("/")
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let pages = pages();
    let mut dead = Vec::new();
    for page in &pages {
        for target in targets(page) {
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let name = match path {
                "" => page.name.clone(),
                path => from(page, path),
            };
            let there = pages.iter().find(|other| other.name == name);
            let leads = match there {
                Some(other) => anchor.is_empty() || other.anchors().iter().any(|one| one == anchor),
                None => anchor.is_empty() && in_project(&name).exists(),
            };
            if !leads {
                dead.push(format!("{}: {target}", page.name));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn every_page_can_be_reached_from_the_readme() {
    let pages = pages();
    let mut reached = vec!["README.md".to_owned()];
    let mut next = 0;
    while let Some(name) = reached.get(next).cloned() {
        next += 1;
        let Some(page) = pages.iter().find(|page| page.name == name) else {
            continue;
        };
        for target in targets(page) {
            let path = target.split('#').next().unwrap();
            let there = from(page, path);
            if !path.is_empty() && !reached.contains(&there) {
                reached.push(there);
            }
        }
    }
    let hidden: Vec<&str> = pages
        .iter()
        .map(|page| &*page.name)
        .filter(|name| !reached.iter().any(|one| one == name))
        .collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}
