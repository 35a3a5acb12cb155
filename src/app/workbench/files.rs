//! Experiment files: listed, read, written, watched.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use notify::{Config, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::error::FileError;
use super::mail::Sender;
use super::message::Message;
use super::tree;
use crate::experiment::{read_text, unix};
use crate::run::atomic::{create_folders, write_through};
use crate::study::{Study, is_study};
use crate::ui::effect::OverwritePolicy;
use crate::ui::{LogLine, News};
use crate::untrusted::{Show as _, is_absent};

/// Experiment files in a folder and its subfolders, sorted; hidden ones and studies are
/// left out.
///
/// # Errors
/// If the folder cannot be read or is too large.
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    found(folder).map(|(files, _)| files)
}

/// Experiment files, and files of studies.
fn found(folder: &Path) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    // A folder that is not there yet has none.
    if matches!(folder.symlink_metadata(), Err(error) if is_absent(&error)) {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut files: Vec<PathBuf> = tree::walk(folder, |name| !tree::is_hidden(name))?
        .files
        .into_iter()
        .filter(|path| is_experiment(path))
        .collect();
    files.sort();
    let (studies, files) = files.into_iter().partition(|path| is_study_at(path));
    Ok((files, studies))
}

/// The study of this name, of those whose files have no errors.
///
/// # Errors
/// Why there is none.
pub fn study(folder: &Path, name: &str) -> Result<Study, String> {
    let (_, files) = found(folder).map_err(|error| could_not_list(folder, &error))?;
    let mut studies = files.iter().filter_map(|path| Study::load(path).ok());
    let study = studies.find(|study| study.name == name);
    study.ok_or_else(|| {
        let folder = folder.shown();
        format!("no file of study {name} without errors is in {folder}; --study FILE --dry-run names them")
    })
}

fn could_not_list(folder: &Path, error: &io::Error) -> String {
    format!("could not list {}: {error}", folder.shown())
}

/// Whether a study lies among experiments.
fn is_study_at(path: &Path) -> bool {
    read_text(path).is_ok_and(|text| is_study(&text))
}

pub(super) fn is_experiment(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "ron")
}

/// The news of the files that there are. Studies with errors are left out: they train
/// nothing.
pub fn listed(folder: &Path) -> Vec<News> {
    match found(folder) {
        Ok((files, studies)) => {
            let studies = studies.iter().filter_map(|path| Study::load(path).ok());
            vec![News::Experiments(files), News::Studies(studies.collect())]
        }
        Err(error) => vec![News::Logged(LogLine::error(could_not_list(folder, &error)))],
    }
}

/// Reads an experiment file.
pub fn read(path: PathBuf) -> News {
    let text = read_text(&path).map_err(|report| report.one_line());
    News::ExperimentRead { path, text }
}

/// Writes an experiment file beside its place and moves it there; it stays a link
/// if it is one. Where something else is on disk than may be replaced, that is
/// reported, and nothing is written: a watcher may be late, or not see at all what
/// becomes of the target of a link.
pub fn write(path: PathBuf, text: String, over: &OverwritePolicy) -> Vec<News> {
    if let OverwritePolicy::Seen(seen) = over
        && let Some(read) = other(&path, seen)
    {
        let refused = format!("not saved: {} was changed on disk", path.shown());
        let written = News::ExperimentWritten {
            path,
            text: Err(refused),
        };
        return vec![read, written];
    }
    let written = match over {
        OverwritePolicy::Nothing => create(&path, &text),
        OverwritePolicy::Seen(_) | OverwritePolicy::Anything => {
            write_through(&path, text.as_bytes())
                .map_err(|error| FileError::of("write", &path, error))
        }
    };
    let text = written.map(|()| text).map_err(|error| error.to_string());
    vec![News::ExperimentWritten { path, text }]
}

/// What is on disk, if it is not what was seen. A file that is gone can be
/// written again.
fn other(path: &Path, seen: &str) -> Option<News> {
    let read = path.exists().then(|| read(path.to_owned()))?;
    let same = matches!(
        &read,
        News::ExperimentRead { text: Ok(text), .. } if unix(text) == seen
    );
    (!same).then_some(read)
}

/// Writes a new file.
///
/// # Errors
/// If there is one of that name already, or what the system says.
pub fn create(path: &Path, text: &str) -> Result<(), FileError> {
    path.parent()
        .map_or(Ok(()), create_folders)
        .and_then(|()| fs::File::create_new(path))
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| FileError::of("write", path, error))
}

/// A path with `~` at its beginning replaced by the user's home.
pub fn expanded(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), etcetera::home_dir()) {
        (Ok(rest), Ok(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// Gives a file another name, which nothing may have.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    // A hard link fails where a rename would replace.
    fs::hard_link(from, to)
        .and_then(|()| fs::remove_file(from))
        .map_err(|error| match FileError::of("rename", from, error) {
            FileError::Taken(_) => FileError::Taken(to.to_owned()),
            other => other,
        })
}

/// The first of `name.ron`, `name-2.ron`, ... that is free, of a thousand, with
/// `before` the number. A link that leads nowhere is not free.
pub fn free_name(folder: &Path, name: &str, before: char) -> Result<PathBuf, FileError> {
    let numbered = (1..1000).map(|number| match number {
        1 => folder.join(format!("{name}.ron")),
        _ => folder.join(format!("{name}{before}{number}.ron")),
    });
    let mut free = numbered.filter(|path| fs::symlink_metadata(path).is_err());
    free.next().ok_or_else(|| FileError::NoFreeName {
        folder: folder.to_owned(),
        name: name.to_owned(),
    })
}

/// Reports files that come, go or change, until the watcher is dropped.
///
/// # Errors
/// If the system gives no watcher: then changes are seen when a file is opened.
pub fn watch(folder: &Path, sender: Sender) -> notify::Result<RecommendedWatcher> {
    let root = folder.to_owned();
    // Links may lead in circles, so each folder behind one is watched by itself.
    let mut roots = vec![(fs::canonicalize(folder)?, root.clone())];
    for linked in tree::walk(folder, |name| !tree::is_hidden(name))?.linked {
        roots.push((fs::canonicalize(&linked)?, linked));
    }
    let places = roots.clone();
    let handler = move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        // Reading a file raises an event too.
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        let news = listed(&root);
        let changed = event.paths.into_iter().map(|path| as_listed(path, &places));
        let changed: Vec<PathBuf> = match news.first() {
            Some(News::Experiments(files)) => changed.filter(|path| files.contains(path)).collect(),
            _ => Vec::new(),
        };
        for news in news {
            let _ = sender.send(Message::News(news));
        }
        for path in changed {
            let _ = sender.send(Message::News(read(path)));
        }
    };
    let config = Config::default().with_follow_symlinks(false);
    let mut watcher = RecommendedWatcher::new(handler, config)?;
    for (place, _) in &roots {
        watcher.watch(place, RecursiveMode::Recursive)?;
    }
    Ok(watcher)
}

/// The path by which the screen knows a file. Events name files by the path that
/// is watched: links and `..` are out of it.
fn as_listed(path: PathBuf, places: &[(PathBuf, PathBuf)]) -> PathBuf {
    let shown = places
        .iter()
        .find_map(|(place, shown)| Some(shown.join(path.strip_prefix(place).ok()?)));
    shown.unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::untrusted::testing::make_pipe;

    #[test]
    fn experiments_are_found_at_any_depth_and_hidden_files_are_not() {
        let place = tempfile::tempdir().unwrap();
        let put = |name: &str| {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "Experiment()").unwrap();
            path
        };
        let (b, a) = (put("b.ron"), put("a/x.ron"));
        put(".hidden.ron");
        put("notes.txt");
        let study = put("studies/a.ron");
        fs::write(study, "// Of a and b.\nStudy(base: \"../b.ron\")").unwrap();
        put("checkpoints/a-20261129-101112-abcdef/experiment.ron");
        put("checkpoints/a-20261129-101112-abcdef/plan.json");
        assert_eq!(list(place.path()).unwrap(), [a, b]);
        assert!(list(&place.path().join("none")).unwrap().is_empty());
    }

    #[test]
    fn links_in_circles_and_a_pipe_do_not_stop_the_listing() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir(at("in")).unwrap();
        fs::write(at("in/a.ron"), "Experiment()").unwrap();
        for (to, link) in [(".", "x"), (".", "y"), ("..", "in/up"), ("in", "same")] {
            symlink(to, at(link)).unwrap();
        }
        make_pipe(&at("pipe.ron"));
        let files = list(place.path()).unwrap();
        assert_eq!(files.len(), 1, "{files:?}");
        assert!(files[0].ends_with("a.ron"));
        let (sender, _mailbox) = super::super::mail::mailbox().unwrap();
        watch(place.path(), sender).unwrap();
        let News::ExperimentRead { text, .. } = read(at("pipe.ron")) else {
            panic!("another answer");
        };
        assert!(text.unwrap_err().contains("it is a pipe"));
    }

    #[test]
    fn a_change_behind_a_link_to_a_folder_is_reported() {
        let place = tempfile::tempdir().unwrap();
        let (root, other) = (place.path().join("root"), place.path().join("other"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&other).unwrap();
        symlink(&other, root.join("link")).unwrap();
        let (sender, mailbox) = super::super::mail::mailbox().unwrap();
        let _watcher = watch(&root, sender).unwrap();
        fs::write(other.join("a.ron"), "Experiment()").unwrap();
        assert_eq!(changed_path(&mailbox), root.join("link/a.ron"));
    }

    /// The first file that is reported as changed.
    fn changed_path(mailbox: &super::super::mail::Mailbox) -> PathBuf {
        let started = std::time::Instant::now();
        loop {
            assert!(started.elapsed().as_secs() < 60, "nothing is reported");
            std::thread::sleep(std::time::Duration::from_millis(5));
            let changed = mailbox.take().find_map(|message| match message {
                Message::News(News::ExperimentRead { path, .. }) => Some(path),
                _ => None,
            });
            if let Some(path) = changed {
                return path;
            }
        }
    }

    #[test]
    fn a_change_is_reported_by_the_path_that_is_listed_whatever_leads_there() {
        let place = tempfile::tempdir().unwrap();
        let real = place.path().join("real");
        fs::create_dir(&real).unwrap();
        let link = place.path().join("link");
        symlink(&real, &link).unwrap();
        for folder in [real.clone(), link, real.join("../real")] {
            let (sender, mailbox) = super::super::mail::mailbox().unwrap();
            let _watcher = watch(&folder, sender).unwrap();
            fs::write(real.join("a.ron"), "Experiment()").unwrap();
            assert_eq!(changed_path(&mailbox), folder.join("a.ron"));
        }
    }

    #[test]
    fn a_file_that_is_no_text_is_an_error_that_says_where() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.ron");
        fs::write(&path, b"Exp\xffriment()").unwrap();
        let News::ExperimentRead { text, .. } = read(path.clone()) else {
            panic!("another answer");
        };
        let message = text.unwrap_err();
        assert!(
            message.contains("a.ron") && message.contains("byte 3 is 0xff, which is not UTF-8 ("),
            "{message}"
        );
    }

    #[test]
    fn what_somebody_else_wrote_since_is_reported_and_not_replaced() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.ron");
        fs::write(&path, "their\rs\r\n").unwrap();
        let messages = write(
            path.clone(),
            "mine".to_owned(),
            &OverwritePolicy::Seen("base".to_owned()),
        );
        let [
            News::ExperimentRead { text: Ok(read), .. },
            News::ExperimentWritten {
                text: Err(refused), ..
            },
        ] = messages.as_slice()
        else {
            panic!("{messages:?}");
        };
        assert_eq!(read, "their\rs\r\n");
        assert!(refused.contains("was changed on disk"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "their\rs\r\n");
        // That was seen now, so it may be replaced; and what is gone be written.
        write(
            path.clone(),
            "mine".to_owned(),
            &OverwritePolicy::Seen("their\ns\n".to_owned()),
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        fs::remove_file(&path).unwrap();
        write(
            path.clone(),
            "again".to_owned(),
            &OverwritePolicy::Seen("mine".to_owned()),
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "again");
    }

    #[test]
    fn a_file_is_replaced_only_where_that_is_asked_for() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.ron");
        let outcome = |over| match write(path.clone(), "new".to_owned(), &over).pop() {
            Some(News::ExperimentWritten { text, .. }) => text,
            other => panic!("{other:?}"),
        };
        assert!(outcome(OverwritePolicy::Nothing).is_ok());
        assert!(
            outcome(OverwritePolicy::Nothing)
                .unwrap_err()
                .ends_with("a.ron already exists")
        );
        assert!(outcome(OverwritePolicy::Anything).is_ok());
        assert!(outcome(OverwritePolicy::Seen("new".to_owned())).is_ok());
        let other = place.path().join("b.ron");
        fs::write(&other, "kept").unwrap();
        assert!(rename(&path, &other).is_err());
        assert_eq!(fs::read_to_string(&other).unwrap(), "kept");
        rename(&path, &place.path().join("c.ron")).unwrap();
        assert!(!path.exists());
    }
}
