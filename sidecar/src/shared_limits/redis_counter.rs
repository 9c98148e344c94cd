//! Counts in Redis, for all gates.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actgate::quota::{Count, CountFuture, CountRequests, CountUnavailable, Counted};
use redis::{ErrorKind, RedisError, Script, ServerErrorKind, cmd};
use tokio::sync::watch;

use super::connection::Connection;
use super::outages::Outages;
use super::server::SharedLimits;

/// How long a connection may take to be established, where an answer may take less. A request waits no longer than for an answer; the
/// next one finds the connection.
const MIN_CONNECT_TIME: Duration = Duration::from_secs(1);

/// The most characters of a reason in the log.
const MAX_REASON: usize = 200;

/// What the script answers after the time of a question.
const TOO_LATE: i64 = -1;

const SCRIPT: &str = include_str!("count.lua");

/// One connection to the server, which is established with the first request and after each failure.
#[derive(Clone)]
pub(crate) struct RedisCounter(Arc<Asker>);

struct Asker {
    current: Mutex<Option<Attempt>>,
    script: Script,
    limits: Arc<SharedLimits>,
    outages: Outages,
}

/// An attempt to connect; none before it has ended.
type Attempt = watch::Receiver<Option<Result<Arc<Connection>, Failure>>>;

/// Why a request cannot be counted.
#[derive(Clone, Debug)]
struct Failure {
    /// A text of the server, or of the system, in part.
    reason: Arc<str>,
    /// The connection was closed before the answer.
    is_closed: bool,
}

/// A question that waits for its answer.
struct Asked {
    connection: Arc<Connection>,
    /// The bytes that the connection had received before.
    received: u64,
}

impl RedisCounter {
    /// Establishes no connection yet.
    pub(crate) fn new(limits: SharedLimits) -> RedisCounter {
        RedisCounter(Arc::new(Asker {
            current: Mutex::default(),
            script: Script::new(SCRIPT),
            limits: Arc::new(limits),
            outages: Outages::default(),
        }))
    }

    /// Connects and runs the script, which counts nothing, to report at the start what would deny the first request. Needs a runtime.
    pub(crate) fn probe(&self) {
        let asker = Arc::clone(&self.0);
        tokio::spawn(async move {
            let probed = async {
                let connection = asker.connection().await?;
                asker.probe(&connection).await.map_err(|error| Failure::of(&error))
            };
            let time = asker.limits.timeout.max(MIN_CONNECT_TIME);
            let probed = tokio::time::timeout(time, probed).await;
            let late = || Err(Failure::new(&format_args!("no answer within {time:?}")));
            if let Err(failure) = probed.unwrap_or_else(|_| late()) {
                asker.outages.failed(&asker.limits, &failure.reason, Instant::now(), 0);
            }
        });
    }
}

impl Asker {
    async fn probe(&self, connection: &Connection) -> Result<(), RedisError> {
        let mut question = cmd("EVAL");
        question
            .arg(SCRIPT)
            .arg(1)
            .arg(format!("{}:limit:", self.limits.prefix));
        // The time of this question has passed.
        question.arg(1).arg(1).arg(0);
        let _: (i64, i64) = question.query_async(&mut connection.questions()).await?;
        Ok(())
    }

    /// The connection, which is established first if there is none that is open.
    async fn connection(&self) -> Result<Arc<Connection>, Failure> {
        let mut attempt = self.attempt();
        match attempt.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().unwrap_or_else(|| Err(Failure::new(&"no connection"))),
            // The runtime ends.
            Err(_) => Err(Failure::new(&"no connection")),
        }
    }

    fn attempt(&self) -> Attempt {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = &*current {
            let is_usable = match &*attempt.borrow() {
                None => true,
                Some(Ok(connection)) => connection.is_open(),
                Some(Err(_)) => false,
            };
            if is_usable {
                return attempt.clone();
            }
        }
        let (ended, attempt) = watch::channel(None);
        let limits = Arc::clone(&self.limits);
        // It goes on after the request that began it.
        tokio::spawn(async move {
            let time = limits.timeout.max(MIN_CONNECT_TIME);
            let connection = match tokio::time::timeout(time, Connection::establish(&limits)).await {
                Ok(Ok(connection)) => Ok(Arc::new(connection)),
                Ok(Err(error)) => Err(Failure::of(&error)),
                Err(_) => Err(Failure::new(&format_args!("no connection within {time:?}"))),
            };
            ended.send_replace(Some(connection));
        });
        *current = Some(attempt.clone());
        attempt
    }

    /// Asks, and once more where the server has closed the connection or the clock of the server has changed. `asked` is the
    /// question that has no answer yet.
    async fn ask(&self, count: &Count, asked: &mut Option<Asked>) -> Result<Counted, Failure> {
        let deadline = Instant::now() + self.limits.timeout;
        let mut is_last = false;
        loop {
            let connection = self.connection().await?;
            *asked = Some(Asked {
                received: connection.received(),
                connection: Arc::clone(&connection),
            });
            let answer = self.answer(&connection, count, deadline).await;
            *asked = None;
            match answer {
                Ok(0) => return Ok(Counted::Within),
                Ok(TOO_LATE) if is_last => return Err(Failure::new(&"the clock of the server changes")),
                Ok(TOO_LATE) => {}
                Ok(wait) => {
                    let wait = u64::try_from(wait).map_err(|_| Failure::new(&"no answer of the script"))?;
                    return Ok(Counted::Exceeded {
                        retry_after: Duration::from_micros(wait),
                    });
                }
                Err(error) => {
                    let failure = Failure::of(&error);
                    // A server that has become a replica may be another one by its name now.
                    if failure.is_closed || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly) {
                        connection.retire();
                    }
                    if is_last || !failure.is_closed {
                        return Err(failure);
                    }
                }
            }
            is_last = true;
        }
    }

    /// The answer of the script on one connection.
    async fn answer(&self, connection: &Connection, count: &Count, deadline: Instant) -> Result<i64, RedisError> {
        let quota = count.quota();
        let interval = u64::try_from(quota.interval().as_nanos().div_ceil(1000)).unwrap_or(u64::MAX);
        let key = key(&self.limits.prefix, count.key());
        let mut questions = connection.questions();
        let mut question = async |command: &str, script: &str| -> Result<(i64, i64, i64), RedisError> {
            let begun = connection.elapsed();
            let latest = connection.server_time_after(deadline.saturating_duration_since(Instant::now()));
            let mut question = cmd(command);
            question.arg(script).arg(1).arg(&key);
            question.arg(interval).arg(quota.burst().get()).arg(latest);
            let (wait, now) = question.query_async(&mut questions).await?;
            Ok((wait, now, begun))
        };
        let answer = question("EVALSHA", self.script.get_hash()).await;
        let (wait, now, begun) = match answer {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                question("EVAL", SCRIPT).await?
            }
            answer => answer?,
        };
        connection.set_time(now, begun);
        Ok(wait)
    }
}

impl CountRequests for RedisCounter {
    fn count<'a>(&'a self, count: &'a Count) -> CountFuture<'a> {
        let asker = &self.0;
        Box::pin(async move {
            let mut asked = None;
            let time = asker.limits.timeout;
            // A connection that is established and an answer have one time together.
            let failure = match tokio::time::timeout(time, asker.ask(count, &mut asked)).await {
                Ok(Ok(counted)) => {
                    asker.outages.answered(&asker.limits, Instant::now());
                    return Ok(counted);
                }
                Ok(Err(failure)) => failure,
                Err(_) => match asked {
                    None => Failure::new(&format_args!("no connection within {time:?}")),
                    Some(Asked { connection, received }) => {
                        // A server that is slow answers something. What is lost on the way has no error.
                        if connection.received() == received {
                            connection.retire();
                        }
                        Failure::new(&format_args!("no answer within {time:?}"))
                    }
                },
            };
            asker.outages.failed(&asker.limits, &failure.reason, Instant::now(), 1);
            Err(CountUnavailable)
        })
    }
}

impl Failure {
    fn new(reason: &dyn fmt::Display) -> Failure {
        let reason = reason.to_string();
        let mut shown = String::new();
        for character in reason.chars().take(MAX_REASON) {
            match character.is_control() {
                true => shown.extend(character.escape_default()),
                false => shown.push(character),
            }
        }
        if reason.chars().nth(MAX_REASON).is_some() {
            shown.push('…');
        }
        Failure {
            reason: shown.into(),
            is_closed: false,
        }
    }

    fn of(error: &RedisError) -> Failure {
        let reason: &dyn fmt::Display = match error.kind() {
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => &"the server does not answer as Redis does",
            ErrorKind::Io if error.is_connection_dropped() && error.to_string() == "broken pipe" => {
                &"the server closed the connection"
            }
            _ => error,
        };
        Failure {
            is_closed: error.is_io_error(),
            ..Failure::new(reason)
        }
    }
}

/// `actgate:limit:` and the digest in hexadecimal digits.
fn key(prefix: &str, digest: &[u8; 32]) -> String {
    let mut key = format!("{prefix}:limit:");
    for byte in digest {
        // A text takes everything.
        let _ = write!(key, "{byte:02x}");
    }
    key
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actgate::request::{Presented, Target};
    use actgate::testing::TestIssuer;
    use actgate::{Authorizer, Policy};
    use http::{Method, Uri};
    use serde_json::json;
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::server::{Credentials, ServerUrl};
    use super::*;

    /// What a server does with a question.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Conduct {
        Answer(&'static str),
        Close,
        Silence,
        Endless,
    }

    const WITHIN: Conduct = Conduct::Answer("*2\r\n:0\r\n:1\r\n");
    const LATE: Conduct = Conduct::Answer("*2\r\n:-1\r\n:1\r\n");

    /// A server that answers the questions of a gate by a script, and then allows each.
    struct Server {
        address: String,
        connections: Arc<AtomicUsize>,
        asked: Arc<Mutex<Vec<Vec<String>>>>,
    }

    impl Server {
        async fn start(script: &[Conduct]) -> Server {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("redis://{}", listener.local_addr().unwrap());
            let (connections, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
            let script = Arc::new(Mutex::new(
                script.iter().copied().collect::<std::collections::VecDeque<_>>(),
            ));
            let (count, questions) = (Arc::clone(&connections), Arc::clone(&asked));
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    count.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&questions)));
                }
            });
            Server {
                address,
                connections,
                asked,
            }
        }

        fn authorizer(&self, issuer: &TestIssuer) -> Authorizer {
            let url = ServerUrl::parse(&self.address).unwrap();
            let limits = SharedLimits::new(url, None, Credentials::default(), ("actgate", Duration::from_secs(2)));
            let policy = Policy::from_yaml("routes: [{ match: GET /, limit: { per: initiator, rate: 1/d } }]").unwrap();
            let builder = Authorizer::builder()
                .policy(policy)
                .count_by(RedisCounter::new(limits.unwrap()));
            let builder = builder.issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
            let clock = actgate::clock::FixedClock::at(TestIssuer::NOW);
            builder.clock(clock).build().unwrap()
        }

        fn connections(&self) -> usize {
            self.connections.load(Ordering::SeqCst)
        }
    }

    async fn serve(
        stream: TcpStream,
        script: Arc<Mutex<std::collections::VecDeque<Conduct>>>,
        asked: Arc<Mutex<Vec<Vec<String>>>>,
    ) {
        let mut stream = BufReader::new(stream);
        while let Some(question) = read_question(&mut stream).await {
            let conduct = match &*question[0] {
                "TIME" => Conduct::Answer("*2\r\n$1\r\n0\r\n$1\r\n1\r\n"),
                "EVALSHA" | "EVAL" => {
                    asked.lock().unwrap().push(question);
                    script.lock().unwrap().pop_front().unwrap_or(WITHIN)
                }
                _ => Conduct::Answer("+OK\r\n"),
            };
            match conduct {
                Conduct::Answer(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                Conduct::Close => return,
                Conduct::Silence => std::future::pending().await,
                Conduct::Endless => {
                    stream.write_all(b"$400000000\r\n").await.unwrap();
                    while stream.write_all(&[b'x'; 65_536]).await.is_ok() {}
                    return;
                }
            }
        }
    }

    async fn read_question(stream: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
        let number = async |stream: &mut BufReader<TcpStream>| {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok()?;
            line.trim_end().get(1..)?.parse::<usize>().ok()
        };
        let mut words = Vec::new();
        for _ in 0..number(stream).await? {
            let mut word = vec![0; number(stream).await? + 2];
            stream.read_exact(&mut word).await.ok()?;
            words.push(String::from_utf8_lossy(&word[..word.len() - 2]).into_owned());
        }
        Some(words)
    }

    async fn codes(authorizer: &Authorizer, issuer: &TestIssuer, count: usize) -> Vec<&'static str> {
        let token = issuer.token(json!({ "sub": "alice" })).unwrap();
        let uri = Uri::from_static("/");
        let target = Target::new(&Method::GET, &uri).unwrap();
        let mut codes = Vec::new();
        for _ in 0..count {
            let decision = authorizer.decide_presented(&Presented::token(&target, &token)).await;
            codes.push(decision.error().map_or("allow", actgate::Error::code));
        }
        codes
    }

    const UNAVAILABLE: &str = "limit_unavailable";

    #[tokio::test]
    async fn each_answer_has_its_outcome_and_each_failure_its_next_question() {
        let issuer = TestIssuer::new().unwrap();
        for (script, expected, connections) in [
            (&[WITHIN][..], &["allow", "allow"][..], 1),
            (
                &[Conduct::Answer("*2\r\n:5000000\r\n:1\r\n")],
                &["limit_exceeded", "allow"],
                1,
            ),
            (&[Conduct::Answer("-NOSCRIPT none\r\n")], &["allow", "allow"], 1),
            (&[LATE], &["allow"], 1),
            (&[LATE, LATE], &[UNAVAILABLE, "allow"], 1),
            (&[Conduct::Answer("*2\r\n:-7\r\n:1\r\n")], &[UNAVAILABLE, "allow"], 1),
            (&[Conduct::Answer("$1\r\n0\r\n")], &[UNAVAILABLE, "allow"], 1),
            (&[Conduct::Answer("-ERR no\r\n")], &[UNAVAILABLE, "allow"], 1),
            (&[Conduct::Answer("-READONLY no\r\n")], &[UNAVAILABLE, "allow"], 2),
            // One more question, on a new connection.
            (&[Conduct::Close], &["allow", "allow"], 2),
            (&[WITHIN, Conduct::Close], &["allow", "allow", "allow"], 2),
            (&[Conduct::Close, Conduct::Close], &[UNAVAILABLE, "allow"], 3),
            (&[Conduct::Endless], &["allow"], 2),
        ] {
            let server = Server::start(script).await;
            let authorizer = server.authorizer(&issuer);
            assert_eq!(
                codes(&authorizer, &issuer, expected.len()).await,
                expected,
                "{script:?}"
            );
            assert_eq!(server.connections(), connections, "{script:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_without_an_answer_is_replaced() {
        let issuer = TestIssuer::new().unwrap();
        let server = Server::start(&[WITHIN, Conduct::Silence]).await;
        let authorizer = server.authorizer(&issuer);
        let codes = codes(&authorizer, &issuer, 4).await;
        assert_eq!(codes, ["allow", UNAVAILABLE, "allow", "allow"]);
        assert_eq!(server.connections(), 2);
    }

    #[tokio::test]
    async fn a_question_has_the_time_after_which_it_counts_nothing() {
        let issuer = TestIssuer::new().unwrap();
        let server = Server::start(&[]).await;
        assert_eq!(codes(&server.authorizer(&issuer), &issuer, 1).await, ["allow"]);
        let asked = server.asked.lock().unwrap();
        let latest: u64 = asked[0].last().unwrap().parse().unwrap();
        // The server said one microsecond, and the time is two seconds.
        assert!((1_000_000..4_000_000).contains(&latest), "{latest}");
    }

    #[test]
    fn a_reason_is_bounded_and_has_no_control_character() {
        let failure = Failure::new(&format_args!("a\u{1b}[31m{}", "b".repeat(500)));
        assert!(failure.reason.starts_with("a\\u{1b}[31mb"), "{}", failure.reason);
        assert!(failure.reason.chars().count() < 220);
    }

    #[test]
    fn a_key_has_the_prefix_and_the_digest() {
        let key = key("actgate", &[0xab; 32]);
        assert_eq!(key, format!("actgate:limit:{}", "ab".repeat(32)));
    }
}
