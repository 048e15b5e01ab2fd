//! `site ROOT PROGRAM OUT`: renders the pages of the checkout at ROOT, and the help of PROGRAM
//! (`evm-rollup`), into the folder OUT.

mod book;
mod help;
mod html;
mod links;
mod render;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [root, program, out] = &args[..] else {
        eprintln!("usage: site ROOT PROGRAM OUT");
        return ExitCode::from(2);
    };
    match make(root, program, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn make(root: &Path, program: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let unlisted = book::unlisted(root)?;
    if !unlisted.is_empty() {
        return Err(format!("not listed in site/src/book.rs: {}", unlisted.join(", ")).into());
    }
    let mut pages = Vec::new();
    for entry in book::entries() {
        let text = match entry.source {
            book::COMMAND_LINE => help::page(program)?,
            source => std::fs::read_to_string(root.join(source))
                .map_err(|error| format!("{source}: {error}"))?,
        };
        pages.push(render::page(entry, &text, root));
    }
    let dead = links::dead(&pages);
    if !dead.is_empty() {
        return Err(format!("{} dead links\n{}", dead.len(), dead.join("\n")).into());
    }
    std::fs::create_dir_all(out.join("files"))?;
    std::fs::write(out.join("style.css"), include_str!("style.css"))?;
    let mut links = 0;
    for page in &pages {
        std::fs::write(out.join(&page.name), html::document(page, &pages))?;
        links += page.links.len();
        for file in &page.files {
            let to = out.join("files").join(file);
            std::fs::create_dir_all(to.parent().unwrap_or(out))?;
            std::fs::copy(root.join(file), to)?;
        }
    }
    println!(
        "{}: {} pages, {links} links between them, none dead",
        out.display(),
        pages.len()
    );
    Ok(())
}
