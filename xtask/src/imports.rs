//! The imports of a module from its own crate, and its re-exports.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

/// A path within the crate, and the name that it has here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) path: Vec<String>,
}

/// The imports and the re-exports of a module's items. Modules within it are left out.
pub(crate) fn of(items: &[Item]) -> (Vec<Import>, Vec<Import>) {
    let mut found = Found::default();
    for item in items {
        found.visit_item(item);
    }
    (found.imports, found.reexports)
}

/// True if something exists in tests only.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|condition| condition.is_ident("test"))
    })
}

/// The file that `#[path = "…"]` names.
pub(crate) fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let value = &attribute.meta.require_name_value().ok()?;
        match &value.value {
            syn::Expr::Lit(literal) if value.path.is_ident("path") => match &literal.lit {
                syn::Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        }
    })
}

#[derive(Default)]
struct Found {
    imports: Vec<Import>,
    reexports: Vec<Import>,
}

impl Found {
    /// A path in code: one that begins at the crate, or above this module.
    fn path(&mut self, path: Vec<String>) {
        if path.len() > 1 && (path[0] == "crate" || path[0] == "super") {
            let name = path.last().cloned().unwrap_or_default();
            self.imports.push(Import { name, path });
        }
    }

    /// Paths in the arguments of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => {
                    path.push(ident.to_string());
                }
                TokenTree::Ident(ident) => {
                    self.path(std::mem::replace(&mut path, vec![ident.to_string()]));
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                other => {
                    self.path(std::mem::take(&mut path));
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
            colons = 0;
        }
        self.path(path);
    }
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            // A module of its own.
            Item::Mod(_) => return,
            _ => return visit::visit_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let mut leaves = Vec::new();
        leaves_of(&item.tree, &mut Vec::new(), &mut leaves);
        match item.vis {
            Visibility::Inherited => {
                leaves.retain(|leaf| leaf.path[0] == "crate" || leaf.path[0] == "super");
                self.imports.append(&mut leaves);
            }
            _ => self.reexports.append(&mut leaves),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let segments = path.segments.iter();
            self.path(segments.map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.visit_path(&item.path);
        self.tokens(item.tokens.clone());
    }
}

fn leaves_of(tree: &UseTree, before: &mut Vec<String>, leaves: &mut Vec<Import>) {
    let mut leaf = |last: String, name: String| {
        let mut path = before.clone();
        // `a::{self}` is `a`.
        if last != "self" || path.is_empty() {
            path.push(last);
        }
        let name = if name == "self" {
            path.last().cloned().unwrap_or_default()
        } else {
            name
        };
        leaves.push(Import { name, path });
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            leaves_of(&path.tree, before, leaves);
            before.pop();
        }
        UseTree::Name(name) => leaf(name.ident.to_string(), name.ident.to_string()),
        UseTree::Rename(rename) => leaf(rename.ident.to_string(), rename.rename.to_string()),
        UseTree::Glob(_) => leaf("*".to_owned(), "*".to_owned()),
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves_of(tree, before, leaves);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let (imports, _) = of(&syn::parse_file(text).unwrap().items);
        let path = |import: &Import| import.path.join("::");
        imports.iter().map(path).collect()
    }

    #[test]
    fn imports_are_found_wherever_they_stand() {
        assert_eq!(
            paths("use crate::{a::{self, B}, c as d}; use super::e::*; use std::fmt; use f::G;"),
            ["crate::a", "crate::a::B", "crate::c", "super::e::*"]
        );
        assert_eq!(
            paths("fn f(x: crate::a::B<super::C>) { crate::d(); self::e(); }"),
            ["crate::a::B", "super::C", "crate::d"]
        );
        assert_eq!(
            paths(r#"fn f() { println!("{}", crate::a::b(super::c::D { x: 1 }, other::crate_)) }"#),
            ["crate::a::b", "super::c::D"]
        );
    }

    #[test]
    fn re_exports_and_tests_are_no_imports() {
        assert_eq!(
            paths("pub use crate::a::B; pub(crate) use super::c; mod x { use crate::y; }"),
            [] as [&str; 0]
        );
        assert_eq!(
            paths("#[cfg(test)] use crate::a; #[cfg(test)] mod tests { use super::*; }"),
            [] as [&str; 0]
        );
    }
}
