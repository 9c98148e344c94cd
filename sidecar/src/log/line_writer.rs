//! Lines that are written by a thread of their own, so that nobody who has something to say waits for whoever reads it.
//!
//! Standard output and standard error are pipes as a rule, and a pipe can be full, broken or forgotten. Lines wait in memory up to a number of
//! bytes; what does not fit, or cannot be written, is dropped and counted.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Room that is kept between two batches.
const KEPT: usize = 64 * 1024;

/// How many bytes are written without waiting for more, and how long less than that waits for company.
const BATCH: usize = 32 * 1024;
const LINGER: Duration = Duration::from_millis(5);

/// The end that lines are handed to.
#[derive(Clone, Debug)]
pub struct LineWriter(Arc<Shared>);

/// A change in whether lines can be written.
#[derive(Debug)]
pub enum Change<'a> {
    /// They cannot be any more; later ones will be tried all the same.
    Failed(&'a io::Error),
    /// They can be again.
    Recovered {
        /// How many lines were lost so far, for every reason.
        lost: u64,
    },
}

/// How a writer was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Nothing waits any more.
    Whole,
    /// Lines were still waiting when the time was over.
    CutShort,
}

#[derive(Debug)]
struct Shared {
    room: usize,
    waiting: Mutex<Waiting>,
    changed: Condvar,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    Closing,
    Ended,
}

impl LineWriter {
    /// Starts the thread `name`, which writes to `sink` and tells `changes` of it. At most `room` bytes wait, and as many are being written.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        name: &str,
        room: usize,
        sink: impl Write + Send + 'static,
        changes: impl FnMut(Change<'_>) + Send + 'static,
    ) -> io::Result<LineWriter> {
        let shared = Arc::new(Shared {
            room,
            waiting: Mutex::default(),
            changed: Condvar::new(),
            lost: AtomicU64::new(0),
        });
        let writer = LineWriter(shared.clone());
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || shared.write(sink, changes))?;
        Ok(writer)
    }

    /// Hands over one line, which ends with a line feed, and never waits.
    ///
    /// # Errors
    /// How many lines were lost so far, this one included.
    pub fn hand(&self, line: &[u8]) -> Result<(), u64> {
        let mut waiting = self.0.waiting();
        if waiting.stage != Stage::Open || waiting.bytes.len() + line.len() > self.0.room {
            return Err(self.0.lost.fetch_add(1, Ordering::Relaxed) + 1);
        }
        let before = waiting.bytes.len();
        waiting.bytes.extend_from_slice(line);
        let after = waiting.bytes.len();
        drop(waiting);
        // Waking the thread costs more than the line: it is woken for the first one, and when there is a batch worth writing.
        if before == 0 || (before < BATCH && after >= BATCH) {
            self.0.changed.notify_all();
        }
        Ok(())
    }

    /// Writes what waits, for `grace` at most. Later lines are lost, and a sink that is stuck stays so until the process ends.
    pub fn close(&self, grace: Duration) -> Closed {
        let mut waiting = self.0.waiting();
        if waiting.stage == Stage::Open {
            waiting.stage = Stage::Closing;
        }
        self.0.changed.notify_all();
        let (waiting, _) = self
            .0
            .changed
            .wait_timeout_while(waiting, grace, |waiting| waiting.stage != Stage::Ended)
            .unwrap_or_else(PoisonError::into_inner);
        match waiting.stage {
            Stage::Ended => Closed::Whole,
            Stage::Open | Stage::Closing => Closed::CutShort,
        }
    }
}

/// A stream of the process without the lock and the buffer of the standard library: whoever is stuck in writing holds nobody else up.
///
/// # Errors
/// When the system has no descriptor left.
pub fn unlocked(stream: &impl AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, mut sink: impl Write, mut changes: impl FnMut(Change<'_>)) {
        let mut batch = Vec::new();
        let mut failing = false;
        let mut torn = false;
        while self.next(&mut batch) {
            let mut begin = 0;
            if torn {
                // Ends what a failed write has left of a line.
                batch.insert(0, b'\n');
                begin = 1;
            }
            let (written, result) = write_out(&mut sink, &batch);
            torn = batch[..written].last().map_or(torn, |last| *last != b'\n');
            match result {
                Err(error) => {
                    let lost = batch[written.max(begin)..]
                        .iter()
                        .filter(|byte| **byte == b'\n')
                        .count();
                    self.lost.fetch_add(lost as u64, Ordering::Relaxed);
                    if !failing {
                        changes(Change::Failed(&error));
                    }
                    failing = true;
                }
                Ok(()) if failing => {
                    failing = false;
                    changes(Change::Recovered {
                        lost: self.lost.load(Ordering::Relaxed),
                    });
                }
                Ok(()) => {}
            }
        }
        self.waiting().stage = Stage::Ended;
        self.changed.notify_all();
    }

    /// Waits for lines and takes all of them; `false` at the end.
    fn next(&self, batch: &mut Vec<u8>) -> bool {
        batch.clear();
        batch.shrink_to(KEPT);
        let mut waiting = self
            .changed
            .wait_while(self.waiting(), |waiting| {
                waiting.bytes.is_empty() && waiting.stage == Stage::Open
            })
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.bytes.len() < BATCH && waiting.stage == Stage::Open {
            let more = |waiting: &mut Waiting| waiting.bytes.len() < BATCH && waiting.stage == Stage::Open;
            (waiting, _) = self
                .changed
                .wait_timeout_while(waiting, LINGER, more)
                .unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut waiting.bytes, batch);
        !batch.is_empty()
    }
}

/// Writes all of `bytes`; says how far it came.
fn write_out(sink: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match sink.write(&bytes[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Whoever shares the pipe has set it not to block; it is still only full.
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => return (written, Err(error)),
        }
    }
    (written, sink.flush())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// Takes what it is told to: each entry is the answer to one write.
    struct Scripted {
        answers: Receiver<io::Result<usize>>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = self.answers.recv().unwrap_or(Ok(usize::MAX))?.min(bytes.len());
            self.taken.lock().unwrap().extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stuck_sink_costs_lines_and_bounded_memory_and_no_wait() {
        let (release, answers) = channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let writer = LineWriter::start("test", 1000, Scripted { answers, taken }, |_| {}).unwrap();
        let line = [&[b'x'; 99][..], b"\n"].concat();
        let lost = (0..100).filter(|_| writer.hand(&line).is_err()).count();
        // One batch with the thread, one that waits.
        assert!((80..=90).contains(&lost), "{lost}");
        assert!(writer.0.waiting().bytes.len() <= 1000);
        let started = Instant::now();
        assert_eq!(writer.close(Duration::from_millis(50)), Closed::CutShort);
        assert!(started.elapsed() < LONG);
        assert_eq!(writer.hand(b"late\n"), Err(lost as u64 + 1));
        drop(release);
        assert_eq!(writer.close(LONG), Closed::Whole);
    }

    #[test]
    fn an_error_ends_a_batch_and_not_the_writer() {
        let (script, answers) = channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (told, changes) = channel();
        let sink = Scripted {
            answers,
            taken: taken.clone(),
        };
        let writer = LineWriter::start("test", 1000, sink, move |change| {
            let _ = told.send(match change {
                Change::Failed(error) => format!("failed: {:?}", error.kind()),
                Change::Recovered { lost } => format!("recovered, lost {lost}"),
            });
        })
        .unwrap();
        // A full disk takes half a line, and nothing of the next.
        script.send(Ok(2)).unwrap();
        script.send(Err(ErrorKind::StorageFull.into())).unwrap();
        script.send(Err(ErrorKind::StorageFull.into())).unwrap();
        writer.hand(b"first\n").unwrap();
        assert_eq!(changes.recv_timeout(LONG).unwrap(), "failed: StorageFull");
        writer.hand(b"second\n").unwrap();
        let deadline = Instant::now() + LONG;
        while writer.0.lost.load(Ordering::Relaxed) < 2 {
            assert!(Instant::now() < deadline, "the second line is not lost");
            std::thread::yield_now();
        }
        drop(script);
        writer.hand(b"third\n").unwrap();
        assert_eq!(changes.recv_timeout(LONG).unwrap(), "recovered, lost 2");
        assert_eq!(writer.close(LONG), Closed::Whole);
        assert_eq!(taken.lock().unwrap().as_slice(), b"fi\nthird\n");
    }

    #[test]
    fn a_pipe_that_does_not_block_is_waited_for() {
        let (script, answers) = channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let sink = Scripted {
            answers,
            taken: taken.clone(),
        };
        let writer = LineWriter::start("test", 1000, sink, |_| {}).unwrap();
        script.send(Err(ErrorKind::WouldBlock.into())).unwrap();
        script.send(Err(ErrorKind::Interrupted.into())).unwrap();
        drop(script);
        writer.hand(b"line\n").unwrap();
        assert_eq!(writer.close(LONG), Closed::Whole);
        assert_eq!(taken.lock().unwrap().as_slice(), b"line\n");
    }
}
