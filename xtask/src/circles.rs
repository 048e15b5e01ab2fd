//! The files of a crate import each other one way only: of two files, one can be read without the
//! other.
//!
//! `use crate::…`, `use super::…` and paths of these kinds within code are imports. `mod` lines and
//! re-exports are not: a path through a re-export leads to the file that the item comes from. What
//! is built for tests alone does not count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::imports::{self, Import};

/// A path of modules, from the root of the crate.
type ModulePath = Vec<String>;

/// The files that a crate's files import.
type Edges = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// Checks the crate whose root is `root`; gives its files, and of each knot of files that import each
/// other one circle, as the files on its way.
///
/// # Errors
/// A file that cannot be read or is not Rust.
pub(crate) fn of_crate(root: &Path) -> Result<(BTreeSet<PathBuf>, Vec<Vec<PathBuf>>)> {
    let edges = Sources::read(root)?.edges();
    let mut circles = Vec::new();
    let mut left: BTreeSet<&PathBuf> = edges.keys().collect();
    while let Some(start) = left.pop_first() {
        if let Some(circle) = shortest(start, &edges) {
            let after = reachable(start, &edges);
            left.retain(|file| !(after.contains(file) && reachable(file, &edges).contains(start)));
            circles.push(circle);
        }
    }
    Ok((edges.into_keys().collect(), circles))
}

/// The files that a file imports, directly or indirectly.
fn reachable<'e>(start: &PathBuf, edges: &'e Edges) -> BTreeSet<&'e PathBuf> {
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<&PathBuf> = edges[start].iter().collect();
    while let Some(file) = waiting.pop() {
        if seen.insert(file) {
            waiting.extend(&edges[file]);
        }
    }
    seen
}

/// The shortest way along imports from a file back to itself.
fn shortest(start: &PathBuf, edges: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Option<Vec<PathBuf>> {
    let mut from: BTreeMap<&PathBuf, &PathBuf> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(file) = waiting.pop_front() {
        for next in &edges[file] {
            if next == start {
                let mut circle = vec![file.clone()];
                let mut at = file;
                while let Some(before) = from.get(at) {
                    circle.push((*before).clone());
                    at = *before;
                }
                circle.reverse();
                return Some(circle);
            }
            if !from.contains_key(next) {
                from.insert(next, file);
                waiting.push_back(next);
            }
        }
    }
    None
}

/// The modules of a crate.
#[derive(Default)]
struct Sources {
    /// One of two that are chosen by feature may have the path of the other.
    modules: Vec<(ModulePath, Module)>,
}

struct Module {
    file: PathBuf,
    imports: Vec<Import>,
    /// Names that lead elsewhere: the name, and the path of its item.
    reexports: Vec<Import>,
}

/// The most re-exports that a path may lead through.
const MAX_REEXPORTS: usize = 16;

impl Sources {
    fn read(root: &Path) -> Result<Self> {
        let mut sources = Self::default();
        let folder = root.parent().unwrap_or(root);
        sources.file(root, folder, Vec::new())?;
        Ok(sources)
    }

    /// Reads the module `path` from its file; its children lie in `folder`.
    fn file(&mut self, file: &Path, folder: &Path, path: ModulePath) -> Result<()> {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let syntax =
            syn::parse_file(&text).with_context(|| format!("not Rust: {}", file.display()))?;
        self.items(&syntax.items, file, folder, path)
    }

    fn items(
        &mut self,
        items: &[syn::Item],
        file: &Path,
        folder: &Path,
        path: ModulePath,
    ) -> Result<()> {
        for item in items {
            let syn::Item::Mod(module) = item else {
                continue;
            };
            if imports::is_for_tests(&module.attrs) {
                continue;
            }
            let name = module.ident.to_string();
            let inner = [&path[..], std::slice::from_ref(&name)].concat();
            let below = folder.join(&name);
            match &module.content {
                Some((_, items)) => self.items(items, file, &below, inner)?,
                None if imports::path_attribute(&module.attrs).is_some() => {
                    let given = imports::path_attribute(&module.attrs).unwrap_or_default();
                    let source = file.with_file_name(given);
                    let below = source.parent().unwrap_or(&source);
                    self.file(&source, below, inner)?;
                }
                None => {
                    let candidates = [folder.join(format!("{name}.rs")), below.join("mod.rs")];
                    let Some(source) = candidates.iter().find(|file| file.exists()) else {
                        bail!("{}: no file for the module {name}", file.display());
                    };
                    self.file(source, &below, inner)?;
                }
            }
        }
        let (imports, reexports) = imports::of(items);
        let module = Module {
            file: file.to_owned(),
            imports,
            reexports,
        };
        self.modules.push((path, module));
        Ok(())
    }

    /// The files that each file imports.
    fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (path, module) in &self.modules {
            let imported = edges.entry(module.file.clone()).or_default();
            for import in &module.imports {
                if let Some(file) = self.file_of(path, &import.path)
                    && *file != module.file
                {
                    imported.insert(file.clone());
                }
            }
        }
        edges
    }

    fn module(&self, path: &[String]) -> Option<&Module> {
        let found = self.modules.iter().find(|(known, _)| known == path);
        found.map(|(_, module)| module)
    }

    /// The file that a path, seen from the module `from`, leads to.
    fn file_of(&self, from: &[String], path: &[String]) -> Option<&PathBuf> {
        let mut absolute = absolute(from, path)?;
        for _ in 0..MAX_REEXPORTS {
            // The longest part that is a module.
            let len = (0..=absolute.len())
                .rev()
                .find(|len| self.module(&absolute[..*len]).is_some())?;
            let module = self.module(&absolute[..len])?;
            let Some(next) = absolute.get(len) else {
                return Some(&module.file);
            };
            let reexport = module.reexports.iter().find(|found| found.name == *next);
            let Some(reexport) = reexport else {
                return Some(&module.file);
            };
            let target = self.relative(&absolute[..len], &reexport.path)?;
            if target == absolute[..=len] {
                return Some(&module.file);
            }
            absolute = [&target[..], &absolute[len + 1..]].concat();
        }
        None
    }

    /// A path of a re-export: from the crate, or from a child of its module.
    fn relative(&self, from: &[String], path: &[String]) -> Option<ModulePath> {
        if let Some(absolute) = absolute(from, path) {
            return Some(absolute);
        }
        let child = [from, path.get(..1)?].concat();
        self.module(&child).map(|_| [from, path].concat())
    }
}

/// A path from the crate's root; `None` for one that leads out of the crate.
fn absolute(from: &[String], path: &[String]) -> Option<ModulePath> {
    let (mut base, mut rest) = match path.first()?.as_str() {
        "crate" => (&[][..], &path[1..]),
        "self" => (from, &path[1..]),
        "super" => (from, path),
        _ => return None,
    };
    while rest.first().is_some_and(|first| first == "super") {
        base = base.split_last()?.1;
        rest = &rest[1..];
    }
    Some([base, rest].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate of these files in a folder of its own.
    fn circles(name: &str, files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        for (file, text) in files {
            let file = folder.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let (all, circles) = of_crate(&folder.join("lib.rs")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(all.len(), files.len());
        let name = |file: &PathBuf| file.strip_prefix(&folder).unwrap().display().to_string();
        let names = |circle: &Vec<PathBuf>| circle.iter().map(name).collect();
        circles.iter().map(names).collect()
    }

    #[test]
    fn files_that_import_each_other_are_a_circle() {
        let found = circles(
            "circle",
            &[
                ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
                ("a.rs", "use crate::{b::B, c}; pub struct A(B);"),
                (
                    "b.rs",
                    "pub struct B; impl B { fn f() { vec![crate::c::d()]; } }",
                ),
                ("c.rs", "pub fn d() { super::a::x() }"),
            ],
        );
        assert_eq!(found, [["a.rs", "c.rs"]]);
    }

    #[test]
    fn a_reexport_leads_to_the_file_of_its_item() {
        let found = circles(
            "reexport",
            &[
                ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
                ("a.rs", "use crate::B; pub struct A(B);"),
                ("b.rs", "use crate::A; pub struct B(A);"),
            ],
        );
        assert_eq!(found, [["a.rs", "b.rs"]]);
    }

    #[test]
    fn what_points_one_way_passes() {
        let found = circles(
            "one_way",
            &[
                ("lib.rs", "pub mod a; mod b; pub use a::A; pub use b::*;"),
                (
                    "a.rs",
                    "mod inner; pub use inner::Inner; pub struct A; #[cfg(test)] mod tests { use crate::b; }",
                ),
                (
                    "a/inner.rs",
                    "use super::A; pub struct Inner(A); #[cfg(test)] fn t() { crate::b::f() }",
                ),
                (
                    "b.rs",
                    "use crate::a::{self, Inner}; pub fn f() { a::A; self::g() } fn g() {}",
                ),
            ],
        );
        assert_eq!(found, [] as [Vec<String>; 0]);
    }
}
