//! Writes lines on a thread of its own, so that a slow reader delays no caller.
//!
//! Waiting lines are bounded in bytes; lines that do not fit or cannot be written are dropped and counted, and a line
//! that was written in part is ended before the next. `tracing-appender` bounds lines, not bytes, and ignores failed
//! writes.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The capacity that is kept between two batches.
const KEPT_CAPACITY: usize = 2 * BATCH;

/// A batch of this size is written at once; a smaller one waits this long for more lines.
const BATCH: usize = 128 * 1024;
const BATCH_DELAY: Duration = Duration::from_millis(5);

/// Sends lines to the writer thread.
#[derive(Clone, Debug)]
pub(crate) struct LineWriter(Arc<Shared>);

/// A change in whether lines can be written.
#[derive(Debug)]
pub(crate) enum Change<'a> {
    /// They cannot; later lines are tried again.
    Failed(&'a io::Error),
    /// They can again.
    Recovered {
        /// How many lines have been lost.
        lost: u64,
    },
}

#[derive(Debug)]
struct Shared {
    capacity: usize,
    waiting: Mutex<Waiting>,
    changed: Condvar,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    state: State,
    /// Whether the writer sleeps until there is a line: it wakes by itself while lines come one after the other.
    is_idle: bool,
    /// Whether the sink is to be opened again before the next line.
    reopen: bool,
}

/// Where lines are written.
pub(crate) trait Sink: Write + Send + 'static {
    /// Opens it again, between two lines.
    fn reopen(&mut self) {}
}

/// A stream of the process, which is open as long as it runs.
impl Sink for File {}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Closing,
    Ended,
}

/// What the writer does next, beside writing a batch.
struct Next {
    reopen: bool,
}

impl LineWriter {
    /// Starts the thread `name`, which writes to `sink` and reports to `changes`. At most `capacity` bytes wait, while
    /// as many are being written.
    pub(crate) fn start(
        name: &str,
        capacity: usize,
        sink: impl Sink,
        changes: impl FnMut(Change<'_>) + Send + 'static,
    ) -> io::Result<LineWriter> {
        let shared = Arc::new(Shared {
            capacity,
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

    /// Queues one line, which ends with a line feed, without waiting. Fails with the number of lines lost so far.
    pub(crate) fn send(&self, line: &[u8]) -> Result<(), u64> {
        let mut waiting = self.0.waiting();
        if waiting.state != State::Open || waiting.bytes.len() + line.len() > self.0.capacity {
            return Err(self.0.lost.fetch_add(1, Ordering::Relaxed) + 1);
        }
        let before = waiting.bytes.len();
        waiting.bytes.extend_from_slice(line);
        let after = waiting.bytes.len();
        let was_idle = std::mem::take(&mut waiting.is_idle);
        drop(waiting);
        // Waking the thread costs more than the line.
        if was_idle || (before < BATCH && after >= BATCH) {
            self.0.changed.notify_all();
        }
        Ok(())
    }

    /// How many lines have been lost, for want of room or because they could not be written.
    pub(crate) fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Opens the sink again after the line that is being written, without waiting.
    pub(crate) fn reopen(&self) {
        self.0.waiting().reopen = true;
        self.0.changed.notify_all();
    }

    /// Writes waiting lines for up to `limit`, and returns whether that was enough. Later lines are lost.
    pub(crate) fn close(&self, limit: Duration) -> bool {
        let mut waiting = self.0.waiting();
        if waiting.state == State::Open {
            waiting.state = State::Closing;
        }
        self.0.changed.notify_all();
        let (waiting, _) = self
            .0
            .changed
            .wait_timeout_while(waiting, limit, |waiting| waiting.state != State::Ended)
            .unwrap_or_else(PoisonError::into_inner);
        waiting.state == State::Ended
    }
}

/// A stream of the process without the lock and the buffer of the standard library, so that a blocked write blocks no
/// other.
pub(crate) fn unlocked(stream: &impl AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, mut sink: impl Sink, mut changes: impl FnMut(Change<'_>)) {
        let mut batch = Vec::new();
        let mut failing = false;
        let mut torn = false;
        while let Some(Next { reopen }) = self.next(&mut batch) {
            if reopen {
                sink.reopen();
            }
            if batch.is_empty() {
                continue;
            }
            let begin = usize::from(torn);
            if torn {
                // Ends the line that a failed write has left incomplete.
                batch.insert(0, b'\n');
            }
            let (written, result) = write_out(&mut sink, &batch);
            torn = batch[..written].last().map_or(torn, |last| *last != b'\n');
            match result {
                Err(error) => {
                    let unwritten = batch[written.max(begin)..].iter();
                    let lost = unwritten.filter(|byte| **byte == b'\n').count();
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
        self.waiting().state = State::Ended;
        self.changed.notify_all();
    }

    /// Waits for lines and moves all of them into `batch`; [`None`] at the end.
    fn next(&self, batch: &mut Vec<u8>) -> Option<Next> {
        batch.clear();
        batch.shrink_to(KEPT_CAPACITY);
        let is_due = |waiting: &Waiting| waiting.state != State::Open || waiting.reopen;
        let mut waiting = self.wait_for_more(self.waiting(), is_due);
        if waiting.bytes.is_empty() && !is_due(&waiting) {
            waiting.is_idle = true;
            waiting = self
                .changed
                .wait_while(waiting, |waiting| waiting.bytes.is_empty() && !is_due(waiting))
                .unwrap_or_else(PoisonError::into_inner);
            waiting.is_idle = false;
            waiting = self.wait_for_more(waiting, is_due);
        }
        std::mem::swap(&mut waiting.bytes, batch);
        let reopen = std::mem::take(&mut waiting.reopen);
        (reopen || !batch.is_empty()).then_some(Next { reopen })
    }

    /// Waits for a full batch as long as a smaller one is delayed.
    fn wait_for_more<'w>(
        &'w self,
        waiting: MutexGuard<'w, Waiting>,
        is_due: impl Fn(&Waiting) -> bool,
    ) -> MutexGuard<'w, Waiting> {
        let more = |waiting: &mut Waiting| waiting.bytes.len() < BATCH && !is_due(waiting);
        let (waiting, _) = self
            .changed
            .wait_timeout_while(waiting, BATCH_DELAY, more)
            .unwrap_or_else(PoisonError::into_inner);
        waiting
    }
}

/// Writes all of `bytes`; returns how many were written.
fn write_out(sink: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match sink.write(&bytes[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Another process has made the pipe non-blocking: it is only full.
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

    /// A sink with scripted results: one for each write.
    struct Scripted {
        answers: Receiver<io::Result<usize>>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Sink for Scripted {}

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
    fn a_blocked_sink_loses_lines_without_delay() {
        let (release, answers) = channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let writer = LineWriter::start("test", 1000, Scripted { answers, taken }, |_| {}).unwrap();
        let line = [&[b'x'; 99][..], b"\n"].concat();
        let lost = (0..100).filter(|_| writer.send(&line).is_err()).count();
        // One batch with the thread, one that waits.
        assert!((80..=90).contains(&lost), "{lost}");
        assert!(writer.0.waiting().bytes.len() <= 1000);
        let started = Instant::now();
        assert!(!writer.close(Duration::from_millis(50)));
        assert!(started.elapsed() < LONG);
        assert_eq!(writer.send(b"late\n"), Err(lost as u64 + 1));
        drop(release);
        assert!(writer.close(LONG));
    }

    #[test]
    fn a_write_error_ends_a_batch_but_not_the_writer() {
        let (script, answers) = channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (sender, changes) = channel();
        let sink = Scripted {
            answers,
            taken: taken.clone(),
        };
        let writer = LineWriter::start("test", 1000, sink, move |change| {
            let _ = sender.send(match change {
                Change::Failed(error) => format!("failed: {:?}", error.kind()),
                Change::Recovered { lost } => format!("recovered, lost {lost}"),
            });
        })
        .unwrap();
        // A full disk takes half a line, and nothing of the next.
        script.send(Ok(2)).unwrap();
        script.send(Err(ErrorKind::StorageFull.into())).unwrap();
        script.send(Err(ErrorKind::StorageFull.into())).unwrap();
        writer.send(b"first\n").unwrap();
        assert_eq!(changes.recv_timeout(LONG).unwrap(), "failed: StorageFull");
        writer.send(b"second\n").unwrap();
        let deadline = Instant::now() + LONG;
        while writer.lost() < 2 {
            assert!(Instant::now() < deadline, "the second line is not lost");
            std::thread::yield_now();
        }
        drop(script);
        writer.send(b"third\n").unwrap();
        assert_eq!(changes.recv_timeout(LONG).unwrap(), "recovered, lost 2");
        assert!(writer.close(LONG));
        assert_eq!(taken.lock().unwrap().as_slice(), b"fi\nthird\n");
    }

    /// Writes down when it is opened again.
    struct Reopened(Arc<Mutex<Vec<u8>>>);

    impl Write for Reopened {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink for Reopened {
        fn reopen(&mut self) {
            self.0.lock().unwrap().extend_from_slice(b"opened\n");
        }
    }

    #[test]
    fn a_sink_is_opened_again_without_a_further_line() {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let writer = LineWriter::start("test", 1000, Reopened(taken.clone()), |_| {}).unwrap();
        writer.send(b"first\n").unwrap();
        let deadline = Instant::now() + LONG;
        let wait_for = |text: &[u8]| {
            while !taken.lock().unwrap().ends_with(text) {
                assert!(Instant::now() < deadline, "{:?}", taken.lock().unwrap());
                std::thread::yield_now();
            }
        };
        wait_for(b"first\n");
        writer.reopen();
        wait_for(b"first\nopened\n");
        writer.send(b"second\n").unwrap();
        assert!(writer.close(LONG));
        assert_eq!(taken.lock().unwrap().as_slice(), b"first\nopened\nsecond\n");
    }

    #[test]
    fn a_full_nonblocking_pipe_is_retried() {
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
        writer.send(b"line\n").unwrap();
        assert!(writer.close(LONG));
        assert_eq!(taken.lock().unwrap().as_slice(), b"line\n");
    }
}
