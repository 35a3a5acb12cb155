//! A terminal's screen as an SVG that looks the same in every browser: letters
//! are text, held in their cells whatever the font is; blocks, braille and lines
//! are drawn as shapes, because few fonts join them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

/// Width and height of a cell: one of half a block is a square.
const CELL: (u16, u16) = (10, 20);

/// Space around the screen.
const MARGIN: u16 = 12;

/// Of the letters; most fonts are 0.6 times as wide.
const FONT_SIZE: &str = "16.6";

/// From the top of a cell to the line on which letters stand.
const BASELINE: u16 = 15;

type Rgb = (u8, u8, u8);

/// What a terminal draws with where the program leaves it the choice.
pub struct Colours {
    background: Rgb,
    letters: Rgb,
}

/// A dark terminal.
pub const DARK: Colours = Colours {
    background: (0x1e, 0x21, 0x27),
    letters: (0xd7, 0xda, 0xe0),
};

/// A light one.
pub const LIGHT: Colours = Colours {
    background: (0xff, 0xff, 0xff),
    letters: (0x24, 0x29, 0x2f),
};

/// A screen as an SVG with this title.
pub fn svg(screen: &Screen, title: &str, colours: &Colours) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let mut picture = Picture::default();
    for row in 0..rows {
        for column in 0..columns {
            let Some(cell) = screen.cell(row, column) else {
                continue;
            };
            if !cell.is_wide_continuation() {
                picture.cell(row, column, cell, colours);
            }
        }
        picture.end_of_run();
    }
    picture.written(columns, rows, title, colours)
}

/// How letters look.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Style {
    colour: Rgb,
    bold: bool,
    italic: bool,
    underlined: bool,
}

/// Letters side by side that look alike.
struct Run {
    style: Style,
    column: u16,
    row: u16,
    text: String,
    cells: u16,
}

#[derive(Default)]
struct Picture {
    /// Paths of filled shapes, by colour; backgrounds are below all else.
    backgrounds: BTreeMap<Rgb, String>,
    fills: BTreeMap<Rgb, String>,
    /// Shades, by colour and percent.
    shades: BTreeMap<(Rgb, u8), String>,
    /// Paths of lines and of braille's dots, by colour; lines by width, too.
    lines: BTreeMap<(Rgb, u8), String>,
    dots: BTreeMap<Rgb, String>,
    runs: Vec<Run>,
    open: Option<Run>,
}

impl Picture {
    fn cell(&mut self, row: u16, column: u16, cell: &Cell, colours: &Colours) {
        let (mut letters, mut background) = (
            rgb(cell.fgcolor(), colours.letters),
            rgb(cell.bgcolor(), colours.background),
        );
        if cell.inverse() {
            std::mem::swap(&mut letters, &mut background);
        }
        if cell.dim() {
            letters = between(letters, background);
        }
        let (x, y) = (column * CELL.0, row * CELL.1);
        let width = if cell.is_wide() { 2 * CELL.0 } else { CELL.0 };
        if background != colours.background {
            let path = self.backgrounds.entry(background).or_default();
            rectangle(path, x, y, width, CELL.1);
        }
        let text = cell.contents();
        let first = text.chars().next().unwrap_or(' ');
        if first == ' ' && !cell.underline() {
            // Within a run a space is shorter than another run.
            match &mut self.open {
                Some(run) if !run.text.ends_with(' ') => {
                    run.text.push(' ');
                    run.cells += 1;
                }
                _ => self.end_of_run(),
            }
            return;
        }
        if self.shape(first, x, y, letters) {
            self.end_of_run();
            return;
        }
        let style = Style {
            colour: letters,
            bold: cell.bold(),
            italic: cell.italic(),
            underlined: cell.underline(),
        };
        let is_plain = is_in_every_font(first) && !cell.is_wide();
        match &mut self.open {
            Some(run) if is_plain && run.style == style => {
                run.text += if text.is_empty() { " " } else { text };
                run.cells += 1;
            }
            _ => {
                self.end_of_run();
                let run = Run {
                    style,
                    column,
                    row,
                    text: if text.is_empty() { " " } else { text }.to_owned(),
                    cells: width / CELL.0,
                };
                self.open = Some(run);
                if !is_plain {
                    self.end_of_run();
                }
            }
        }
    }

    fn end_of_run(&mut self) {
        let Some(mut run) = self.open.take() else {
            return;
        };
        if !run.style.underlined && run.text.ends_with(' ') {
            run.text.pop();
            run.cells -= 1;
        }
        self.runs.push(run);
    }

    /// Draws a letter that is a picture. False of any other.
    fn shape(&mut self, letter: char, x: u16, y: u16, colour: Rgb) -> bool {
        let (width, height) = CELL;
        let code = letter as u32;
        let mut fill = |x: u16, y: u16, width: u16, height: u16| {
            rectangle(self.fills.entry(colour).or_default(), x, y, width, height);
        };
        match letter {
            '▀' => fill(x, y, width, height / 2),
            '▐' => fill(x + width / 2, y, width / 2, height),
            '▔' => fill(x, y, width, height / 8),
            '▕' => fill(x + width - 1, y, 1, height),
            '▁'..='█' => {
                let eighths = (code - 0x2580) as u16;
                let tall = (height * eighths).div_ceil(8);
                fill(x, y + height - tall, width, tall);
            }
            '▉'..='▏' => {
                let eighths = 8 - (code - 0x2588) as u16;
                fill(x, y, (width * eighths).div_ceil(8), height);
            }
            '▖'..='▟' => {
                // Quarters: upper left, upper right, lower left, lower right.
                const QUARTERS: [[bool; 4]; 10] = [
                    [false, false, true, false],
                    [false, false, false, true],
                    [true, false, false, false],
                    [true, false, true, true],
                    [true, false, false, true],
                    [true, true, true, false],
                    [true, true, false, true],
                    [false, true, false, false],
                    [false, true, true, false],
                    [false, true, true, true],
                ];
                let (w, h) = (width / 2, height / 2);
                for (at, filled) in (0..).zip(QUARTERS[(code - 0x2596) as usize]) {
                    if filled {
                        fill(x + at % 2 * w, y + at / 2 * h, w, h);
                    }
                }
            }
            '░' | '▒' | '▓' => {
                let percent = (code - 0x2590) as u8 * 25;
                let path = self.shades.entry((colour, percent)).or_default();
                rectangle(path, x, y, width, height);
            }
            '\u{2800}'..='\u{28ff}' => {
                // The bits of the eight dots, as Unicode numbers them.
                const DOTS: [(u16, u16); 8] = [
                    (0, 0),
                    (0, 1),
                    (0, 2),
                    (1, 0),
                    (1, 1),
                    (1, 2),
                    (0, 3),
                    (1, 3),
                ];
                let path = self.dots.entry(colour).or_default();
                for (bit, (right, down)) in DOTS.into_iter().enumerate() {
                    if (code - 0x2800) >> bit & 1 == 1 {
                        // In the middle of a quarter of the width and an eighth of the height.
                        let (x, y) = (
                            f32::from(x + right * 5) + 2.5,
                            f32::from(y + down * 5) + 2.5,
                        );
                        write!(path, "M{x} {y}h0").unwrap();
                    }
                }
            }
            _ => return self.line(letter, x, y, colour),
        }
        true
    }

    /// Draws a part of a frame. False of anything else.
    fn line(&mut self, letter: char, x: u16, y: u16, colour: Rgb) -> bool {
        let (left, top, right, bottom) = (x, y, x + CELL.0, y + CELL.1);
        let (across, down) = (x + CELL.0 / 2, y + CELL.1 / 2);
        let heavy = "━┃┏┓┗┛┣┫┳┻╋╸╹╺╻┅┇┉┋".contains(letter);
        let mut drawn = String::new();
        let mut to = |x: u16, y: u16| write!(drawn, "M{across} {down}L{x} {y}").unwrap();
        // To the left, up, to the right, down.
        let arms = match letter {
            '─' | '━' => [true, false, true, false],
            '│' | '┃' => [false, true, false, true],
            '┌' | '┏' => [false, false, true, true],
            '┐' | '┓' => [true, false, false, true],
            '└' | '┗' => [false, true, true, false],
            '┘' | '┛' => [true, true, false, false],
            '├' | '┣' => [false, true, true, true],
            '┤' | '┫' => [true, true, false, true],
            '┬' | '┳' => [true, false, true, true],
            '┴' | '┻' => [true, true, true, false],
            '┼' | '╋' => [true, true, true, true],
            '╴' | '╸' => [true, false, false, false],
            '╵' | '╹' => [false, true, false, false],
            '╶' | '╺' => [false, false, true, false],
            '╷' | '╻' => [false, false, false, true],
            _ => [false; 4],
        };
        for (arm, (x, y)) in
            arms.into_iter()
                .zip([(left, down), (across, top), (right, down), (across, bottom)])
        {
            if arm {
                to(x, y);
            }
        }
        let bend = |from: (u16, u16), to: (u16, u16)| {
            format!("M{} {}Q{across} {down} {} {}", from.0, from.1, to.0, to.1)
        };
        match letter {
            '╭' => drawn = bend((right, down), (across, bottom)),
            '╮' => drawn = bend((left, down), (across, bottom)),
            '╰' => drawn = bend((right, down), (across, top)),
            '╯' => drawn = bend((left, down), (across, top)),
            '┄' | '┅' | '┈' | '┉' | '╌' => {
                for at in [1, 6] {
                    write!(drawn, "M{} {down}h3", left + at).unwrap();
                }
            }
            '┆' | '┇' | '┊' | '┋' | '╎' => {
                for at in [1, 6, 11, 16] {
                    write!(drawn, "M{across} {}v3", top + at).unwrap();
                }
            }
            _ => {}
        }
        if drawn.is_empty() {
            return false;
        }
        let width = if heavy { 3 } else { 1 };
        *self.lines.entry((colour, width)).or_default() += &drawn;
        true
    }

    fn written(&self, columns: u16, rows: u16, title: &str, colours: &Colours) -> String {
        let (width, height) = (columns * CELL.0 + 2 * MARGIN, rows * CELL.1 + 2 * MARGIN);
        let title = escaped(title);
        let background = hex(colours.background);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"-{MARGIN} -{MARGIN} {width} {height}\" role=\"img\">\n\
             <title>{title}</title>\n"
        );
        let mut styles: Vec<Style> = self.runs.iter().map(|run| run.style).collect();
        styles.sort_unstable();
        styles.dedup();
        write!(
            out,
            "<style>text{{font:{FONT_SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,\
             \"DejaVu Sans Mono\",monospace;white-space:pre}}.m{{text-anchor:middle}}"
        )
        .unwrap();
        for (at, style) in styles.iter().enumerate() {
            write!(out, ".s{at}{{fill:{}", hex(style.colour)).unwrap();
            out += if style.bold { ";font-weight:bold" } else { "" };
            out += if style.italic {
                ";font-style:italic"
            } else {
                ""
            };
            out += if style.underlined {
                ";text-decoration:underline"
            } else {
                ""
            };
            out.push('}');
        }
        out += "</style>\n";
        writeln!(
            out,
            "<rect x=\"-{MARGIN}\" y=\"-{MARGIN}\" width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{background}\"/>"
        )
        .unwrap();
        out += "<g shape-rendering=\"crispEdges\">\n";
        for (colour, path) in self.backgrounds.iter().chain(&self.fills) {
            writeln!(out, "<path fill=\"{}\" d=\"{path}\"/>", hex(*colour)).unwrap();
        }
        for ((colour, percent), path) in &self.shades {
            let colour = hex(*colour);
            writeln!(
                out,
                "<path fill=\"{colour}\" fill-opacity=\".{percent}\" d=\"{path}\"/>"
            )
            .unwrap();
        }
        out += "</g>\n";
        for ((colour, width), path) in &self.lines {
            let colour = hex(*colour);
            writeln!(
                out,
                "<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" d=\"{path}\"/>"
            )
            .unwrap();
        }
        for (colour, path) in &self.dots {
            let colour = hex(*colour);
            writeln!(out, "<path stroke=\"{colour}\" stroke-width=\"3\" stroke-linecap=\"round\" d=\"{path}\"/>").unwrap();
        }
        for run in &self.runs {
            let style = styles.binary_search(&run.style).unwrap();
            let (x, y) = (run.column * CELL.0, run.row * CELL.1 + BASELINE);
            let text = escaped(&run.text);
            let wide = run.cells * CELL.0;
            if run.text.chars().count() > 1 {
                writeln!(out, "<text class=\"s{style}\" x=\"{x}\" y=\"{y}\" textLength=\"{wide}\">{text}</text>").unwrap();
            } else {
                let x = x + wide / 2;
                writeln!(
                    out,
                    "<text class=\"s{style} m\" x=\"{x}\" y=\"{y}\">{text}</text>"
                )
                .unwrap();
            }
        }
        out + "</svg>\n"
    }
}

/// Whether fonts of fixed width have it, as wide as all else.
fn is_in_every_font(letter: char) -> bool {
    matches!(letter, ' '..='\u{17f}' | '–' | '—' | '‘'..='”' | '…')
}

fn rectangle(path: &mut String, x: u16, y: u16, width: u16, height: u16) {
    write!(path, "M{x} {y}h{width}v{height}h-{width}z").unwrap();
}

fn between(a: Rgb, b: Rgb) -> Rgb {
    let middle = |a: u8, b: u8| u8::midpoint(a, b);
    (middle(a.0, b.0), middle(a.1, b.1), middle(a.2, b.2))
}

/// A colour of the terminal as one of the page.
fn rgb(colour: Color, default: Rgb) -> Rgb {
    /// The sixteen, as xterm has them.
    const ANSI: [Rgb; 16] = [
        (0, 0, 0),
        (205, 0, 0),
        (0, 205, 0),
        (205, 205, 0),
        (0, 0, 238),
        (205, 0, 205),
        (0, 205, 205),
        (229, 229, 229),
        (127, 127, 127),
        (255, 0, 0),
        (0, 255, 0),
        (255, 255, 0),
        (92, 92, 255),
        (255, 0, 255),
        (0, 255, 255),
        (255, 255, 255),
    ];
    match colour {
        Color::Default => default,
        Color::Rgb(red, green, blue) => (red, green, blue),
        Color::Idx(at @ 0..=15) => ANSI[usize::from(at)],
        Color::Idx(at @ 16..=231) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let at = at - 16;
            (level(at / 36), level(at / 6 % 6), level(at % 6))
        }
        Color::Idx(at) => {
            let grey = 8 + 10 * (at - 232);
            (grey, grey, grey)
        }
    }
}

fn hex((red, green, blue): Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A small screen as an SVG.
#[cfg(test)]
fn drawn(bytes: &str) -> String {
    let size = |n| std::num::NonZero::new(n).unwrap();
    let mut parser = vt100::Parser::new(size(2), size(8), 0);
    parser.process(bytes.as_bytes());
    svg(parser.screen(), "a < b", &DARK)
}

#[test]
fn letters_are_text_of_their_colour_in_their_cells() {
    let svg = drawn("\x1b[1;38;2;1;2;3ma<b\x1b[0m  c");
    assert!(svg.contains("<title>a &lt; b</title>"), "{svg}");
    assert!(svg.contains("{fill:#010203;font-weight:bold}"), "{svg}");
    let run = "x=\"0\" y=\"15\" textLength=\"30\">a&lt;b</text>";
    assert!(svg.contains(run), "{svg}");
    assert!(svg.contains(" m\" x=\"55\" y=\"15\">c</text>"), "{svg}");
}

#[test]
fn blocks_and_braille_are_shapes() {
    let half = drawn("\x1b[38;2;255;0;0;48;2;0;0;255m▀");
    assert!(half.contains("<path fill=\"#0000ff\" d=\"M0 0h10v20h-10z\"/>"));
    assert!(half.contains("<path fill=\"#ff0000\" d=\"M0 0h10v10h-10z\"/>"));
    assert!(drawn("▊").contains("d=\"M0 0h8v20h-8z\""));
    assert!(drawn("▂").contains("d=\"M0 15h10v5h-10z\""));
    assert!(drawn("⢁").contains("d=\"M2.5 2.5h0M7.5 17.5h0\""));
    assert!(drawn("╰").contains("d=\"M10 10Q5 10 5 0\""));
    assert!(drawn("┤").contains("d=\"M5 10L0 10M5 10L5 0M5 10L5 20\""));
    for picture in "▀▄█▌▐▏▎▍▋▉▇▃▖▟░▓⣿─│┌┐└┘├┤┬┴┼╭╮╯━┄".chars()
    {
        assert!(!drawn(&picture.to_string()).contains("<text"), "{picture}");
    }
}

#[test]
fn inverse_and_indexed_colours_are_those_of_a_terminal() {
    let svg = drawn("\x1b[7mx\x1b[0m\x1b[38;5;196my");
    assert!(svg.contains("<path fill=\"#d7dae0\" d=\"M0 0h10v20h-10z\"/>"));
    assert!(svg.contains("{fill:#1e2127}") && svg.contains("{fill:#ff0000}"));
}
