// Every bound of the scheduler daemon, by name. Settings that an operator may change are in
// config.h; `koeval-scheduler --print-config` prints both.
#pragma once

#include <cstddef>
#include <cstdint>

namespace koeval::service {

// Inbox of the dispatcher, in events. Events of workers and of our own pools may use all of it,
// clients and operators only what leaves the reserve free, so that a flood of calls cannot delay a
// result.
inline constexpr size_t kInboxCapacity = 65'536;
inline constexpr size_t kInboxReserve = 16'384;
inline constexpr size_t kTurnEventsMax = 1'024;  // events of one commit
inline constexpr int64_t kTickMs = 200;          // the core sees time pass at least this often
inline constexpr int64_t kTickLeastMs = 10;      // and not more often than this

// Messages on the wire. Batch results are the largest thing that a worker sends.
inline constexpr int kWorkerMessageBytesMax = 64 << 20;
inline constexpr size_t kClientMessageBytesMax = 256 << 10;
inline constexpr int kSendMessageBytesMax = 64 << 20;
inline constexpr size_t kBundlePieceBytes = 1 << 20;

// Fields of a submission.
inline constexpr size_t kRequestIdBytesMax = 64;
inline constexpr size_t kModelBytesMax = 512;
inline constexpr size_t kWordBytesMax = 128;       // revision, suite, type, ...
inline constexpr size_t kChatBytesMax = 64 << 10;  // chat options: the system instruction
inline constexpr size_t kReasonBytesMax = 500;
inline constexpr int64_t kPriorityMax = 100;

// Pages and streams.
inline constexpr int64_t kPageDefault = 100;
inline constexpr int64_t kPageMax = 1'000;
inline constexpr int64_t kLeaderboardDefault = 100;
inline constexpr int64_t kLeaderboardMax = 10'000;
inline constexpr size_t kWatchersMax = 512;
inline constexpr int64_t kWatchBatch = 256;  // events read at once for one watcher
inline constexpr size_t kSampleLinesQueued = 64;
inline constexpr int kRefreshesMax = 1;      // of what is known about models, at once
inline constexpr size_t kModelsQueued = 16;  // models that a refresh looks at between two writes

// Files of the leaderboard's datasets. One file: board::kFileBytesMax.
inline constexpr int kImportsMax = 2;  // at once
inline constexpr int64_t kImportFilesMax = 200'000;
inline constexpr size_t kImportBatchFiles = 64;  // stored in one commit
inline constexpr size_t kImportBatchBytes = 8 << 20;
inline constexpr int kImportProblemsMax = 1'000;         // named in the answer
inline constexpr int64_t kImportedResultsMax = 100'000;  // looked at for a leaderboard
inline constexpr size_t kFilesQueued = 64;
inline constexpr size_t kExportFailuresMax = 16;       // of one pass over an export folder
inline constexpr size_t kExportStopFilesMax = 1'000;   // compared or written once stopping
inline constexpr int64_t kExplainSlotsMax = 200;       // named in one explanation
inline constexpr size_t kExplainDecisionsMax = 20;     // the newest ones
inline constexpr int64_t kExplainEventsMax = 100'000;  // looked through for them

// Worker sessions.
inline constexpr size_t kSessionsMax = 20'000;
inline constexpr size_t kSessionOutboxMax = 1'024;  // messages that wait for a slow worker
inline constexpr int kSessionUnappliedMax = 32;     // messages of one worker inside the inbox
inline constexpr int64_t kHelloTimeoutMs = 10'000;
inline constexpr int64_t kWorkerSlotsMax = 256;
inline constexpr int64_t kWorkerHeldMax = 1'024;

inline constexpr int kCallsPerConnectionMax = 256;  // open at once
// Connections: pings of our clients (20 s) must not count as abuse.
inline constexpr int kKeepaliveTimeMs = 30'000;
inline constexpr int kKeepaliveTimeoutMs = 10'000;
inline constexpr int kClientPingIntervalLeastMs = 5'000;

// Thread pools: jobs that wait.
inline constexpr size_t kReadQueueMax = 4'096;
inline constexpr size_t kPoolQueueMax = 512;   // more than the core asks for at once
inline constexpr int64_t kAskedPerThread = 4;  // checks or scores that the core asks for at once
inline constexpr int64_t kAnswerSlackMs = 30'000;  // beyond the time limits of those ahead
inline constexpr int kReadThreads = 4;
inline constexpr int kWatchThreads = 2;

// Check processes.
inline constexpr size_t kCheckOutputBytesMax = 1 << 20;
inline constexpr size_t kCheckErrorBytesMax = 16 << 10;
inline constexpr int64_t kCheckFilesMax = 256;  // descriptors of the process

// Submissions, which may wait for the model hub.
inline constexpr int kSubmitThreads = 4;
inline constexpr int kDryRunsMax = 2;                 // at once, each with a check process
inline constexpr size_t kTokenSampleBytes = 4 << 20;  // of prompts whose tokens a dry run counts
inline constexpr size_t kAheadMax = 64;               // requests whose times are added for a start
inline constexpr int64_t kRunsCompared = 20;          // newest ones that tell how long one takes
inline constexpr size_t kHubTokenBytesMax = 1'024;
inline constexpr size_t kHubAccountBytesMax = 96;
inline constexpr size_t kHubAccountsMax = 10'000;  // remembered
inline constexpr int64_t kHubAccountMs = 300'000;  // for this long

// Suites.
inline constexpr size_t kBundleBytesMax = size_t{1} << 30;
inline constexpr size_t kPreparedCacheMax = 2;  // (bundle, options) pairs kept ready for scoring

inline constexpr size_t kSuiteGenerationsMax = 10'000;  // loads of the suites until a restart

// Registered datasets.
inline constexpr size_t kDatasetsMax = 10'000;      // versions of all of them
inline constexpr size_t kDatasetNameBytesMax = 96;  // of one part of a name
inline constexpr int64_t kDatasetFilesMax = 1'024;  // of one version
inline constexpr int64_t kDatasetUploadBytesMax = int64_t{4} << 30;
inline constexpr int kDatasetUploadsMax = 2;  // under way at once

// Notifications.
inline constexpr int64_t kNotifyEventsRead = 256;  // of the feed at once
inline constexpr int64_t kWebhookAnswerBytesMax = 64 << 10;
inline constexpr size_t kMailOutputBytesMax = 64 << 10;

// HTTP.
inline constexpr size_t kHttpThreads =
    128;                                    // a connection holds one until it has been idle for 1 s
inline constexpr int kHttpStreamsMax = 64;  // pages that follow the queue; each holds a thread
inline constexpr int64_t kHttpStreamLifeMs = 600'000;  // then the page connects again
inline constexpr int64_t kHttpStreamPingMs = 15'000;   // a stream that is silent for so long
inline constexpr int64_t kHttpStreamPauseMs = 500;     // between two readings of one stream
inline constexpr size_t kHttpCompressBytesLeast = 1'024;
inline constexpr size_t kWebCacheEntries = 64;  // answers about leaderboards that are kept
inline constexpr size_t kWebCacheBytes = 32 << 20;
inline constexpr int64_t kWebSectionRows = 50;  // requests of one state on the queue's overview
inline constexpr int64_t kBoardEventsMax =
    100'000;  // read at once; beyond it the board is read anew
inline constexpr size_t kRedactedNamesMax = 100'000;  // workers' names that are remembered
inline constexpr int64_t kBoardRefreshMs =
    200;  // leaderboards are brought up to date at most so often
inline constexpr int64_t kBoardStartWaitMs = 10'000;  // that pages wait for the first leaderboards
inline constexpr size_t kAboutBytesMax = 256 << 10;
inline constexpr int kHttpTimeoutSeconds = 5;
inline constexpr size_t kHttpBodyBytesMax = 64 << 10;

// Shutdown: how long open calls may take to end.
inline constexpr int64_t kShutdownGraceMs = 3'000;

}  // namespace koeval::service
