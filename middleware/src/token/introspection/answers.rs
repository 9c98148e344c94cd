//! The answers of an issuer that are in use, bounded by memory.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::answer::Answer;
use crate::digest::sha256;
use crate::keys::next_generation;

/// How long an inactive token is known to be inactive.
const INACTIVE_TIME: Duration = Duration::from_secs(10);

/// How long the issuer is not asked again about a token for which it gave no answer.
const FAILED_TIME: Duration = Duration::from_secs(1);

/// How much longer an answer is used for a request that goes on: no body is read for longer.
const CONTINUED_TIME: Duration = Duration::from_secs(60);

/// How many tokens that are not active are known: some two megabytes, whatever their lengths.
const INACTIVE_TOKENS: usize = 16_384;

/// An answer in use.
#[derive(Debug)]
pub(crate) struct NumberedAnswer {
    pub(crate) answer: Answer,
    /// Unique in the process, among key sets too. An answer that repeats the last one has its number.
    pub(crate) number: u64,
    until: Instant,
}

/// The digest of a token.
pub(super) type TokenDigest = [u8; 32];

pub(super) fn token_digest(token: &str) -> TokenDigest {
    let digest = sha256(token.as_bytes());
    let mut bytes = TokenDigest::default();
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

/// The answers of one issuer. Tokens that are not active have a place of their own, which random ones cannot leave.
pub(super) struct Answers {
    /// By the text of the token, as the cache of verified tokens: a look-up costs no digest.
    active: Cache<Box<str>, Arc<NumberedAnswer>, ByBytes>,
    others: Cache<TokenDigest, Arc<NumberedAnswer>>,
    lifetime: Duration,
}

impl Answers {
    /// `bytes` is the memory for active tokens, `lifetime` the longest use of an answer.
    pub(super) fn new(bytes: usize, lifetime: Duration) -> Answers {
        Answers {
            active: Cache::with_weighter(bytes / 4096, bytes as u64, ByBytes),
            others: Cache::new(INACTIVE_TOKENS),
            lifetime,
        }
    }

    /// The answer about a token, if it can be used now.
    pub(super) fn get(&self, token: &str) -> Option<Arc<NumberedAnswer>> {
        let now = Instant::now();
        let active = self.active.get(token).filter(|answer| now < answer.until);
        let other = || self.others.get(&token_digest(token));
        active.or_else(|| other().filter(|answer| now < answer.until))
    }

    /// The same for a request that goes on, which was authorized by an answer that has ended since.
    pub(super) fn get_continued(&self, token: &str) -> Option<Arc<NumberedAnswer>> {
        let last = || self.active.get(token);
        self.get(token)
            .or_else(|| last().filter(|answer| Instant::now() < answer.until + CONTINUED_TIME))
    }

    /// Whether the last answer about a token was that it is active.
    pub(super) fn was_active(&self, token: &str) -> bool {
        self.active.get(token).is_some()
    }

    /// Uses `answer` from now on.
    pub(super) fn insert(&self, token: &str, answer: Answer) {
        let lifetime = match &answer {
            Answer::Active { is_cut: false, .. } => self.lifetime,
            Answer::Active { is_cut: true, .. } | Answer::Inactive | Answer::Unaccepted(_) => {
                self.lifetime.min(INACTIVE_TIME)
            }
            Answer::Failed => self.lifetime.min(FAILED_TIME),
        };
        let until = Instant::now() + lifetime;
        let last = self.active.get(token).filter(|last| last.answer == answer);
        let number = last.map_or_else(next_generation, |last| last.number);
        let numbered = Arc::new(NumberedAnswer { answer, number, until });
        match &numbered.answer {
            Answer::Active { .. } => {
                self.others.remove(&token_digest(token));
                self.active.insert(token.into(), numbered);
            }
            Answer::Inactive | Answer::Unaccepted(_) => {
                self.others.insert(token_digest(token), numbered);
                self.active.remove(token);
            }
            Answer::Failed => {
                self.others.insert(token_digest(token), numbered);
            }
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Box<str>, Arc<NumberedAnswer>> for ByBytes {
    fn weight(&self, token: &Box<str>, numbered: &Arc<NumberedAnswer>) -> u64 {
        let payload = match &numbered.answer {
            Answer::Active { payload, .. } => payload.len(),
            _ => 0,
        };
        (token.len() + payload + 256) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active(payload: &str) -> Answer {
        Answer::Active {
            payload: payload.as_bytes().into(),
            is_cut: false,
        }
    }

    async fn pass(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_used_for_its_time_and_one_that_repeats_it_keeps_the_number() {
        let answers = Answers::new(1 << 20, Duration::from_secs(30));
        assert!(answers.get("a").is_none());
        answers.insert("a", active("1"));
        let first = answers.get("a").unwrap().number;
        pass(29).await;
        assert!(answers.get("a").is_some());
        pass(1).await;
        assert!(answers.get("a").is_none() && answers.was_active("a"));
        assert_eq!(answers.get_continued("a").map(|last| last.number), Some(first));
        pass(60).await;
        assert!(answers.get_continued("a").is_none());
        answers.insert("a", active("1"));
        assert_eq!(answers.get("a").unwrap().number, first);
        assert_eq!(answers.active.weight(), 258, "the token, its members, and 256");
        answers.insert("a", active("2"));
        assert_ne!(answers.get("a").unwrap().number, first);
    }

    #[tokio::test(start_paused = true)]
    async fn an_inactive_token_is_known_for_a_short_time_and_takes_the_place_of_an_active_one() {
        let answers = Answers::new(1 << 20, Duration::from_secs(3600));
        answers.insert("a", active("1"));
        answers.insert("a", Answer::Inactive);
        assert_eq!(answers.get("a").unwrap().answer, Answer::Inactive);
        assert!(!answers.was_active("a"));
        pass(10).await;
        assert!(answers.get("a").is_none() && answers.get_continued("a").is_none());
        answers.insert("a", active("1"));
        assert_eq!(answers.get("a").unwrap().answer, active("1"));
        let cut = Answer::Active {
            payload: Box::default(),
            is_cut: true,
        };
        answers.insert("a", cut);
        pass(10).await;
        assert!(answers.get("a").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_kept_for_a_second_and_no_active_answer_is_used_again_after_it() {
        let answers = Answers::new(1 << 20, Duration::from_secs(30));
        answers.insert("a", active("1"));
        pass(30).await;
        answers.insert("a", Answer::Failed);
        assert_eq!(answers.get("a").unwrap().answer, Answer::Failed);
        pass(1).await;
        assert!(answers.get("a").is_none());
    }

    #[test]
    fn random_tokens_displace_no_active_one_and_fill_a_fixed_number_of_places() {
        let answers = Answers::new(1 << 20, Duration::from_secs(30));
        answers.insert("known", active("1"));
        for index in 0..100_000 {
            answers.insert(&format!("{index:0100}"), Answer::Inactive);
        }
        assert!(answers.get("known").is_some());
        assert!(answers.others.len() <= INACTIVE_TOKENS);
        for index in 0..100_000 {
            answers.insert(&format!("{index:0100}"), active(""));
        }
        assert!(answers.active.weight() <= 1 << 20);
    }
}
