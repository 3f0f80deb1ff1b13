//! A page of the project as its reader sees it: blocks, links, headings.

use std::path::{Path, PathBuf};

/// A page.
pub(super) struct Page {
    /// Its path in the project.
    pub(super) name: String,
    pub(super) text: String,
}

/// What stands between two fences.
pub(super) struct Block {
    /// The page and the line of its first fence.
    pub(super) place: String,
    pub(super) language: String,
    pub(super) text: String,
    /// The heading of the second level that it stands below.
    pub(super) section: String,
    /// What the comment in front of it says: `<!-- run: … -->`, which no reader of the rendered page sees.
    pub(super) manner: Option<String>,
}

/// A file of the project.
pub(super) fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Every page, those at the top of the project first.
pub(super) fn pages() -> Vec<Page> {
    let mut names: Vec<String> = Vec::new();
    for directory in ["", "docs/"] {
        let entries = std::fs::read_dir(in_project(directory)).unwrap();
        let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut found: Vec<String> = files
            .filter(|file| file.ends_with(".md"))
            .map(|file| format!("{directory}{file}"))
            .collect();
        found.sort();
        names.append(&mut found);
    }
    let pages = names.into_iter().map(|name| Page::of(&name));
    pages.collect()
}

impl Page {
    pub(super) fn of(name: &str) -> Self {
        let text = std::fs::read_to_string(in_project(name)).unwrap();
        Self {
            name: name.to_owned(),
            text,
        }
    }

    /// Its blocks, in order.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let (mut section, mut before, mut open) = (String::new(), "", None);
        for (index, line) in self.text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            match (line.trim_start().strip_prefix("```"), open) {
                (Some(language), None) => {
                    open = Some(indent);
                    blocks.push(Block {
                        place: format!("{}:{}", self.name, index + 1),
                        language: language.to_owned(),
                        text: String::new(),
                        section: section.clone(),
                        manner: manner(before),
                    });
                }
                (Some(_), Some(_)) => open = None,
                (None, Some(outer)) => {
                    let inner = line.get(outer.min(indent)..).unwrap_or_default();
                    let block = blocks.last_mut().unwrap();
                    block.text.push_str(inner);
                    block.text.push('\n');
                }
                (None, None) => {
                    if let Some(heading) = line.strip_prefix("## ") {
                        heading.clone_into(&mut section);
                    }
                }
            }
            before = line;
        }
        assert!(open.is_none(), "{}: a block has no end", self.name);
        blocks
    }

    /// What is no block: the lines between them.
    pub(super) fn prose(&self) -> Vec<&str> {
        let mut open = false;
        let outside = self.text.lines().filter(|line| {
            let fence = line.trim_start().starts_with("```");
            open ^= fence;
            !open && !fence
        });
        outside.collect()
    }

    /// The anchors of its headings, as renderers of Markdown make them.
    pub(super) fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        for line in self.prose() {
            let Some((marks, heading)) = line.split_once(' ') else {
                continue;
            };
            if marks.is_empty() || !marks.chars().all(|mark| mark == '#') {
                continue;
            }
            let slug = slug(heading);
            let again = anchors.iter().filter(|known| **known == slug).count();
            anchors.push(match again {
                0 => slug,
                again => format!("{slug}-{again}"),
            });
        }
        anchors
    }
}

fn manner(line: &str) -> Option<String> {
    let comment = line.trim().strip_prefix("<!-- run: ")?;
    Some(comment.strip_suffix(" -->").unwrap().to_owned())
}

/// Letters, digits, `-` and `_` of a heading, in small letters, with `-` for each space.
fn slug(heading: &str) -> String {
    let text = heading.trim().to_lowercase().replace(' ', "-");
    text.chars()
        .filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter))
        .collect()
}

#[test]
fn blocks_know_their_language_their_section_and_what_is_said_of_them() {
    let text = "# A\n\n## B c\n\n1. x\n\n   <!-- run: not here, no -->\n   ```sh\n   one\n     two\n   ```\n\n```toml\nk = 1\n```\n";
    let page = Page {
        name: "p.md".to_owned(),
        text: text.to_owned(),
    };
    let blocks = page.blocks();
    let first = blocks.first().unwrap();
    assert_eq!((&*first.place, &*first.language), ("p.md:8", "sh"));
    assert_eq!(first.text, "one\n  two\n");
    assert_eq!(first.manner.as_deref(), Some("not here, no"));
    assert_eq!(first.section, "B c");
    assert_eq!(blocks.last().unwrap().manner, None);
    assert_eq!(page.anchors(), ["a", "b-c"]);
    assert_eq!(slug("Use `x_y`: what, and why?"), "use-x_y-what-and-why");
}
