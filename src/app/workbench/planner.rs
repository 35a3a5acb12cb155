//! Plans texts off the loop's thread, the newest of each file only.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, channel};
use std::thread;

use super::mail::Sender;
use super::message::Message;
use crate::experiment;
use crate::ui::News;

/// A text to plan.
pub struct Request {
    /// The file that it is the text of.
    pub path: PathBuf,
    /// The text.
    pub text: String,
    /// Comes back with the answer.
    pub version: u64,
}

/// Starts the planner. It ends with the channel.
pub fn start(answers: Sender) -> io::Result<mpsc::Sender<Request>> {
    let (sender, requests) = channel::<Request>();
    thread::Builder::new()
        .name("planner".to_owned())
        .spawn(move || {
            while let Ok(first) = requests.recv() {
                let newest: BTreeMap<PathBuf, Request> = std::iter::once(first)
                    .chain(requests.try_iter())
                    .map(|request| (request.path.clone(), request))
                    .collect();
                for request in newest.into_values() {
                    let Request {
                        path,
                        text,
                        version,
                    } = request;
                    let result = Box::new(experiment::load_text(&text, &path, &[]));
                    let news = News::Planned {
                        path,
                        version,
                        result,
                    };
                    if answers.send(Message::News(news)).is_err() {
                        return;
                    }
                }
            }
        })?;
    Ok(sender)
}
