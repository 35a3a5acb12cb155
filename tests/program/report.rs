//! Reports as a browser shows them: in light, in dark and on paper.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::bench::{Bench, code, stderr};
use crate::study::{self, STUDY};

/// Browsers that can be asked, by what their programs are called.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// What the page says of itself, as JSON in an element of this name.
const LOOK: &str = include_str!("../fixtures/look_at_report.js");

/// A browser; none is there, which is printed.
fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("WORKBENCH_BROWSER").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).flat_map(|folder| BROWSERS.map(|it| folder.join(it)));
    let browser = named.into_iter().chain(found).find(|path| path.is_file());
    if browser.is_none() {
        eprintln!("skipped: there is no Chromium; set WORKBENCH_BROWSER to one");
    }
    browser
}

/// Opens a page, and returns what the browser prints.
fn open(browser: &Path, place: &Path, page: &Path, options: &[&str]) -> Vec<u8> {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        // Nothing is fetched: no name is found.
        .args([
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=10000",
        ])
        .arg(format!(
            "--user-data-dir={}",
            place.join("profile").to_string_lossy()
        ))
        .args(options)
        .arg(format!("file://{}", page.to_string_lossy()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    output.stdout
}

/// What is seen of a page in a window of a width, in dark or not.
fn seen(browser: &Path, place: &Path, html: &str, width: u32, is_dark: bool) -> Value {
    let page = place.join("looked-at.html");
    let looked = html.replace("</body>", &format!("<script>{LOOK}</script>\n</body>"));
    fs::write(&page, looked).unwrap();
    let size = format!("--window-size={width},1000");
    // 0 is dark and 1 light.
    let scheme = u8::from(!is_dark);
    let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
    let printed = open(browser, place, &page, &["--dump-dom", &size, &scheme]);
    let text = String::from_utf8(printed).unwrap();
    let (_, rest) = text.split_once("<pre id=\"seen\">").expect(&text);
    let (json, _) = rest.split_once("</pre>").unwrap();
    let json = json.replace("&lt;", "<").replace("&gt;", ">");
    let seen: Value = serde_json::from_str(&json.replace("&amp;", "&")).unwrap();
    assert_eq!(seen["dark"], is_dark, "the browser has the other colours");
    seen
}

/// What must hold of every look at a page.
fn assert_readable(seen: &Value, what: &str) {
    let contrast = &seen["contrast"];
    assert!(
        contrast["least"].as_f64() >= Some(4.5),
        "{what}: {contrast}"
    );
    for wrong in [
        "fetched",
        "broken",
        "unnamed",
        "without_table",
        "sticks_out",
    ] {
        assert_eq!(seen[wrong], Value::Array(Vec::new()), "{what}: {wrong}");
    }
    assert!(seen["texts"].as_u64() > Some(100), "{what}: {seen}");
}

/// Asserts that a page is read in light and dark, in a narrow window and on paper.
fn assert_read_anywhere(browser: &Path, place: &Path, page: &Path) {
    let html = fs::read_to_string(page).unwrap();
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
    let look = |html: &str, width, is_dark| seen(browser, place, html, width, is_dark);
    let [light, dark] = [false, true].map(|is_dark| look(&html, 1200, is_dark));
    assert_readable(&light, "light");
    assert_readable(&dark, "dark");
    assert_eq!(
        (&light["page"], &dark["page"]),
        (&"255,255,255".into(), &"30,33,39".into())
    );
    assert_readable(&look(&html, 500, false), "a narrow window");
    // As on paper: nothing of print is drawn on a screen, so the two change places. Of the width of A4 within margins; also of who reads in dark.
    assert_eq!(html.matches("@media print").count(), 1);
    let paper = html
        .replace("@media print", "@media all")
        .replace("@media screen", "@media print");
    for is_dark in [false, true] {
        let paper = look(&paper, 718, is_dark);
        assert_readable(&paper, "paper");
        assert_eq!(paper["page"], "255,255,255");
        assert_eq!(
            paper["scrolls"],
            Value::Array(Vec::new()),
            "cut off on paper"
        );
    }
    let pdf = place.join("page.pdf");
    let to = format!("--print-to-pdf={}", pdf.to_string_lossy());
    open(browser, place, page, &[&to]);
    let pdf = fs::read(pdf).unwrap();
    assert!(
        pdf.starts_with(b"%PDF-") && pdf.len() > 20_000,
        "{}",
        pdf.len()
    );
}

#[test]
fn a_report_is_read_in_light_and_dark_and_on_paper() {
    let Some(browser) = browser() else {
        return;
    };
    let bench = Bench::new();
    for epochs in ["epochs=2", "epochs=3"] {
        let trained = bench.run(&["--run", "tiny.ron", "--set", epochs]);
        assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    }
    let runs = bench.runs();
    let names = runs.iter().map(|run| run.file_name().unwrap());
    let names: Vec<&str> = names.map(|name| name.to_str().unwrap()).collect();
    let report = [&["--report"], &names[..], &["--out", "runs.html"]].concat();
    let output = bench.run(&report);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = bench.path().join("runs.html");
    assert_read_anywhere(&browser, bench.path(), &page);
}

#[test]
fn the_report_of_a_study_is_read_in_light_and_dark_and_on_paper() {
    let Some(browser) = browser() else {
        return;
    };
    // A name of many parts, as values of fields make them.
    let long = "(name: \"vanilla\", set: [\"method=Vanilla()\"], vary: {\"method.temperature\": [3.0], \"optimizer.weight_decay\": [0.0005]})";
    let short = "(name: \"vanilla\", set: [\"method=Vanilla(temperature: 3.0)\"])";
    assert!(STUDY.contains(short));
    let text = STUDY.replace(short, long);
    let bench = study::bench(&text.replace("baseline: \"vanilla\"", "baseline: \"adaptive\""));
    let trained = bench.run(&["--study", "small.ron"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let output = bench.run(&["--report", "small.ron", "--out", "study.html"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = bench.path().join("study.html");
    assert_read_anywhere(&browser, bench.path(), &page);
}
