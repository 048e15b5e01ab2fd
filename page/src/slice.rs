//! A list by pages: `?FIELD=N` begins with entry number N.

use crate::format;
use crate::query::Query;
use maud::Markup;

/// The part of a list that a page shows.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    from: usize,
    size: usize,
    /// The page's address without the field.
    path: String,
    field: &'static str,
    /// The heading that links lead to, behind `#`; empty: the top.
    anchor: &'static str,
    words: [&'static str; 2],
}

impl Slice {
    /// The page that a query asks for, of entries that have an order of their own.
    pub(crate) fn of(query: &Query, path: &str, field: &'static str, size: usize) -> Self {
        let from = query
            .number(field)
            .and_then(|from| usize::try_from(from).ok());
        Self {
            from: from.unwrap_or_default(),
            size,
            path: path.to_owned(),
            field,
            anchor: "",
            words: ["← earlier", "later →"],
        }
    }

    /// Of entries of which the newest come first.
    pub(crate) fn newest_first(self) -> Self {
        Self {
            words: ["← newer", "older →"],
            ..self
        }
    }

    /// From this entry on.
    pub(crate) fn starting(self, from: usize) -> Self {
        Self { from, ..self }
    }

    /// With so many entries.
    pub(crate) fn sized(self, size: usize) -> Self {
        Self { size, ..self }
    }

    /// On a page with this address.
    pub(crate) fn on(self, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..self
        }
    }

    /// Its links lead to a heading.
    pub(crate) fn at(self, anchor: &'static str) -> Self {
        Self { anchor, ..self }
    }

    /// The number of the first entry.
    pub(crate) const fn from(&self) -> usize {
        self.from
    }

    /// The most entries.
    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    /// The entries.
    pub(crate) fn take<T>(&self, all: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        all.skip(self.from).take(self.size)
    }

    /// The entries as far as they fit so many bytes of a page, at least one, and the page that has
    /// so many.
    pub(crate) fn fit<T>(
        &self,
        bytes: usize,
        all: impl Iterator<Item = T>,
        make: impl FnMut(T) -> Markup,
    ) -> (Vec<Markup>, Self) {
        let rows = fit(bytes, self.take(all), make);
        let slice = self.clone().sized(rows.len().max(1));
        (rows, slice)
    }

    /// The bar between the pages of so many entries; nothing if there is one page.
    pub(crate) fn bar(&self, label: &str, count: usize) -> Markup {
        let link = |from: usize| {
            let mark = if self.path.contains('?') { '&' } else { '?' };
            let anchor = if self.anchor.is_empty() { "" } else { "#" };
            let (path, field) = (&self.path, self.field);
            format!("{path}{mark}{field}={from}{anchor}{}", self.anchor)
        };
        let before = (self.from > 0).then(|| link(self.from.saturating_sub(self.size)));
        let behind = self.from.saturating_add(self.size);
        let after = (behind < count).then(|| link(behind));
        format::pager_with(label, self.words, [before, after])
    }
}

/// Entries as far as they fit so many bytes of a page: at least one.
pub(crate) fn fit<T>(
    bytes: usize,
    all: impl Iterator<Item = T>,
    make: impl FnMut(T) -> Markup,
) -> Vec<Markup> {
    let mut rows: Vec<Markup> = Vec::new();
    let mut left = bytes;
    for row in all.map(make) {
        let size = row.0.len();
        if size > left && !rows.is_empty() {
            break;
        }
        left = left.saturating_sub(size);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_their_entries_and_lead_to_those_before_and_behind() {
        let all: Vec<usize> = (0..25).collect();
        let slice = |query: &str| Slice::of(&Query::parse(query), "/x?a=1", "from", 10);
        let first = slice("");
        assert_eq!(
            first.take(all.iter().copied()).collect::<Vec<_>>(),
            all[..10]
        );
        let text = first.bar("X", 25).into_string();
        assert!(
            text.contains("/x?a=1&amp;from=10") && !text.contains("rel=\"prev\""),
            "{text}"
        );
        let last = slice("from=20").at("list");
        assert_eq!(last.take(all.iter()).count(), 5);
        let text = last.bar("X", 25).into_string();
        assert!(
            text.contains("from=10#list") && !text.contains("rel=\"next\""),
            "{text}"
        );
        assert_eq!(first.bar("X", 10).into_string(), "");
        let make = |_: &usize| maud::PreEscaped("x".repeat(40));
        let (rows, part) = first.fit(100, all.iter(), make);
        let text = part.bar("X", 25).into_string();
        assert!(rows.len() == 2 && text.contains("from=2"), "{text}");
        assert_eq!(first.fit(1, all.iter(), make).0.len(), 1);
        let far = slice("from=18446744073709551615");
        assert_eq!(far.take(all.iter()).count(), 0);
        assert!(far.bar("X", 25).into_string().contains("rel=\"prev\""));
    }
}
