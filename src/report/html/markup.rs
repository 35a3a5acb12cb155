//! HTML as text: everything from outside goes through [`escaped`].

use std::fmt::Write as _;

pub(super) use crate::report::xml::escaped;

/// A text of several lines.
pub(super) fn preformatted(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(escaped).collect();
    format!("<pre>{}</pre>\n", lines.join("\n"))
}

/// What is folded until somebody opens it; not printed.
pub(super) fn folded(summary: &str, content: &str) -> String {
    format!(
        "<details><summary>{}</summary>\n{content}</details>\n",
        escaped(summary)
    )
}

/// A table; columns that are numbers end together.
pub(super) struct Table {
    caption: String,
    titles: Vec<(String, bool)>,
    /// Whether the cells that name rows are broken between words.
    wraps: bool,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty one with these columns; `true` of numbers.
    pub(super) fn new(caption: &str, titles: &[(&str, bool)]) -> Self {
        let titles = titles.iter();
        Self {
            caption: caption.to_owned(),
            titles: titles
                .map(|(title, is_number)| ((*title).to_owned(), *is_number))
                .collect(),
            wraps: false,
            rows: Vec::new(),
        }
    }

    /// The same, whose rows have names of several words.
    pub(super) fn with_wrapped_names(mut self) -> Self {
        self.wraps = true;
        self
    }

    /// Adds a row, of which the first cell names the rest.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether it has no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Nothing of one without rows.
    pub(super) fn html(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let class = |is_number: bool| if is_number { " class=\"number\"" } else { "" };
        let mut html = format!(
            "<div class=\"wide\"><table{} aria-label=\"{}\"><thead><tr>",
            if self.wraps { " class=\"wraps\"" } else { "" },
            escaped(&self.caption)
        );
        for (title, is_number) in &self.titles {
            // Writing to a string can't fail, here and below.
            let _ = write!(
                html,
                "<th scope=\"col\"{}>{}</th>",
                class(*is_number),
                escaped(title)
            );
        }
        html += "</tr></thead>\n<tbody>\n";
        for row in &self.rows {
            html += "<tr>";
            for (at, cell) in row.iter().enumerate() {
                let is_number = self.titles.get(at).is_some_and(|(_, is_number)| *is_number);
                let cell = escaped(cell);
                let _ = if at == 0 {
                    write!(html, "<th scope=\"row\">{cell}</th>")
                } else {
                    write!(html, "<td{}>{cell}</td>", class(is_number))
                };
            }
            html += "</tr>\n";
        }
        html + "</tbody></table></div>\n"
    }
}
