// Every text of the pages, in both languages.
#pragma once

#include "scheduler/web/language.h"

namespace koeval::web::texts {

// Frame.
inline constexpr Words kSkip{"Skip to content", "본문으로 건너뛰기"};
inline constexpr Words kNavigation{"Pages", "페이지"};
inline constexpr Words kLeaderboard{"Leaderboard", "리더보드"};
inline constexpr Words kQueue{"Queue", "대기열"};
inline constexpr Words kSubmit{"Submit", "제출"};
inline constexpr Words kAbout{"About", "소개"};
inline constexpr Words kLanguage{"Language", "언어"};
inline constexpr Words kContact{"Contact", "문의"};
inline constexpr Words kApi{"JSON API", "JSON API"};

// Leaderboard.
inline constexpr Words kSuite{"Suite", "평가 세트"};
inline constexpr Words kSuiteVersion{"version", "버전"};
inline constexpr Words kSearch{"Model name", "모델 이름"};
inline constexpr Words kType{"Type", "유형"};
inline constexpr Words kPrecision{"Precision", "정밀도"};
inline constexpr Words kLicense{"Licence", "라이선스"};
inline constexpr Words kSize{"Parameters", "파라미터 수"};
inline constexpr Words kSizeLeast{"Parameters from (B)", "파라미터 최소 (B)"};
inline constexpr Words kSizeMost{"Parameters to (B)", "파라미터 최대 (B)"};
inline constexpr Words kShowFlagged{"Show flagged models", "경고 표시된 모델 보기"};
inline constexpr Words kVersionOfSuite{"Version of the suite", "평가 세트 버전"};
inline constexpr Words kPrompts{"Settings", "설정"};
inline constexpr Words kStandard{"standard", "표준"};
inline constexpr Words kOtherSettings{"other", "기타"};
inline constexpr Words kOneTurn{"few-shot in one turn", "예시를 한 턴에"};
inline constexpr Words kAny{"any", "전체"};
inline constexpr Words kColumns{"Columns", "열 선택"};
inline constexpr Words kMore{"More filters, columns", "필터 더 보기, 열 선택"};
inline constexpr Words kApply{"Apply", "적용"};
inline constexpr Words kReset{"Reset", "초기화"};
inline constexpr Words kRank{"Rank", "순위"};
inline constexpr Words kModel{"Model", "모델"};
inline constexpr Words kAverage{"Average", "평균"};
inline constexpr Words kLikes{"Likes", "좋아요"};
inline constexpr Words kRevision{"Revision", "리비전"};
inline constexpr Words kArchitecture{"Architecture", "아키텍처"};
inline constexpr Words kWeightType{"Weights", "가중치"};
inline constexpr Words kEvaluated{"Evaluated", "평가일"};
inline constexpr Words kFlagged{"flagged", "경고"};
inline constexpr Words kImported{"imported", "가져온 점수"};
inline constexpr Words kDeleted{"no longer on the hub", "허브에서 삭제됨"};
inline constexpr Words kDiscussion{"discussion", "토론"};
inline constexpr Words kChat{"chat template", "채팅 템플릿"};
inline constexpr Words kUnknown{"unknown", "알 수 없음"};
inline constexpr Words kShown{"{} of {} evaluations", "평가 {}건 (전체 {}건)"};
inline constexpr Words kNoRows{
    "No evaluation has finished yet. What is waiting or running is in the queue.",
    "아직 끝난 평가가 없습니다. 대기 중이거나 실행 중인 평가는 대기열에서 볼 수 있습니다."};
inline constexpr Words kNoMatch{"No evaluation matches these filters.",
                                "조건에 맞는 평가가 없습니다."};
inline constexpr Words kScoreNote{
    "Scores are percentages, ± one standard error. The average is the plain mean of the columns, "
    "and is given only where every column was evaluated. A tag names what differs from the suite's "
    "own "
    "settings, such as a chat template; evaluations of a part of the documents are not listed.",
    "점수는 백분율이며 ± 뒤는 표준 오차입니다. 평균은 각 열의 단순 평균이고, 모든 열이 평가된 "
    "경우에만 표시합니다. 평가 세트의 기본 설정과 다른 점(채팅 템플릿 등)은 꼬리표로 표시하며, "
    "일부 문항만 평가한 결과는 싣지 않습니다."};
inline constexpr Words kDownload{"Download", "내려받기"};
inline constexpr Words kPagesOfTable{"Pages of the table", "표 페이지"};
inline constexpr Words kPrevious{"Previous", "이전"};
inline constexpr Words kNext{"Next", "다음"};
inline constexpr Words kRowsPerPage{"Rows", "행 수"};
inline constexpr Words kAll{"all", "모두"};
inline constexpr Words kScrollTable{"Table, can be scrolled sideways",
                                    "표, 좌우로 스크롤할 수 있습니다"};

// Queue.
inline constexpr Words kPending{"Pending", "대기"};
inline constexpr Words kRunning{"Running", "실행 중"};
inline constexpr Words kFinished{"Finished", "완료"};
inline constexpr Words kFailed{"Failed", "실패"};
inline constexpr Words kOverview{"Overview", "요약"};
inline constexpr Words kPausedNote{
    "The operator has paused the queue: running work goes on, nothing new starts.",
    "운영자가 대기열을 멈췄습니다. 실행 중인 작업은 계속되지만 새 작업은 시작하지 않습니다."};
inline constexpr Words kSlots{"Workers: {}, busy slots: {} of {}",
                              "작업 노드 {}개, 슬롯 {}/{}개 사용 중"};
inline constexpr Words kRequest{"Request", "요청"};
inline constexpr Words kPosition{"Position", "순번"};
inline constexpr Words kProgress{"Progress", "진행률"};
inline constexpr Words kEta{"Time left", "남은 시간"};
inline constexpr Words kSubmitted{"Submitted", "제출 시각"};
inline constexpr Words kStarted{"Started", "시작 시각"};
inline constexpr Words kEnded{"Ended", "종료 시각"};
inline constexpr Words kReason{"Reason", "사유"};
inline constexpr Words kRemedy{"What to do", "해결 방법"};
inline constexpr Words kEnding{"Ending", "종료 상태"};
inline constexpr Words kNobody{"None.", "없음"};
inline constexpr Words kShowAll{"All in this state", "이 상태 모두 보기"};
inline constexpr Words kChecking{"being checked", "검사 중"};
inline constexpr Words kPlanning{"being prepared", "준비 중"};
inline constexpr Words kScoring{"being scored", "채점 중"};
inline constexpr Words kLive{"This page follows the queue.",
                             "대기열의 변화가 자동으로 반영됩니다."};
inline constexpr Words kBatches{"{} of {} batches", "배치 {}/{}"};

// One request.
inline constexpr Words kState{"State", "상태"};
inline constexpr Words kScores{"Scores", "점수"};
inline constexpr Words kTask{"Task", "과제"};
inline constexpr Words kMetric{"Metric", "지표"};
inline constexpr Words kScore{"Score", "점수"};
inline constexpr Words kStandardError{"Standard error", "표준 오차"};
inline constexpr Words kInterval{"95% confidence interval", "95% 신뢰구간"};
inline constexpr Words kShots{"Shots", "예시 수"};
inline constexpr Words kDocuments{"Documents", "문항 수"};
inline constexpr Words kFilter{"Filter", "필터"};
inline constexpr Words kTaskScores{"Every task", "과제별 점수"};
inline constexpr Words kAttempts{"Attempts", "시도 이력"};
inline constexpr Words kAttempt{"Attempt", "시도"};
inline constexpr Words kRound{"Round", "회차"};
inline constexpr Words kWorker{"Worker", "작업 노드"};
inline constexpr Words kSettings{"Settings and digests", "설정과 다이제스트"};
inline constexpr Words kProfile{"Profile", "프로필"};
inline constexpr Words kLimit{"Documents per task", "과제당 문항 제한"};
inline constexpr Words kPriority{"Priority", "우선순위"};
inline constexpr Words kTimeLimit{"Time limit", "시간 제한"};
inline constexpr Words kSubmitter{"Submitter", "제출자"};
inline constexpr Words kHardware{"Hardware class", "하드웨어 등급"};
inline constexpr Words kPlanDigest{"Plan digest", "계획 다이제스트"};
inline constexpr Words kBundleDigest{"Tasks digest", "과제 다이제스트"};
inline constexpr Words kSystemInstruction{"System instruction", "시스템 지시문"};
inline constexpr Words kDefaultTemplate{"the model's default", "모델 기본값"};
inline constexpr Words kReproduce{"Reproduce it on your machine", "내 컴퓨터에서 재현하기"};
inline constexpr Words kReproduceNote{
    "The same hardware class gives the same scores to the last bit; others differ by rounding.",
    "같은 하드웨어 등급에서는 마지막 비트까지 같은 점수가, 다른 하드웨어에서는 반올림만큼 다른 "
    "점수가 "
    "나옵니다."};
inline constexpr Words kReproduceFailure{
    "See the failure on the first ten documents of every task:",
    "과제마다 첫 10문항으로 실패를 확인하려면:"};
inline constexpr Words kCopy{"Copy", "복사"};
inline constexpr Words kCopied{"Copied", "복사됨"};
inline constexpr Words kFindings{"Findings of the checks", "검사 결과"};
inline constexpr Words kResultFile{"Result file", "결과 파일"};
inline constexpr Words kPlan{"Plan", "계획"};
inline constexpr Words kRequests{"Requests to the model", "모델 요청 수"};
inline constexpr Words kTruncated{"Truncated", "잘린 문항"};

// Submission.
inline constexpr Words kSubmitIntro{
    "The model is checked before it is accepted: what is wrong is said here, and nothing enters "
    "the queue.",
    "접수 전에 모델을 검사합니다. 문제가 있으면 이 화면에 표시되고 대기열에 들어가지 않습니다."};
inline constexpr Words kUnavailable{"unavailable", "이용 불가"};
inline constexpr Words kModelHint{"organisation/name on the hub", "허브의 기관/모델이름"};
inline constexpr Words kModelHintLocal{
    "organisation/name, or an absolute folder on the scheduler's machine",
    "기관/모델이름, 또는 스케줄러 서버의 절대 경로"};
inline constexpr Words kRevisionHint{"branch, tag or commit", "브랜치, 태그 또는 커밋"};
inline constexpr Words kToken{"Token", "토큰"};
inline constexpr Words kTokenHint{
    "with the role submitter; it is sent once and kept nowhere",
    "submitter 권한 토큰. 한 번만 전송되며 어디에도 저장하지 않습니다"};
inline constexpr Words kHubToken{"Token of the model hub", "모델 허브 토큰"};
inline constexpr Words kHubTokenHint{
    "instead of the one above: the hub says which account submits; it is sent once and kept "
    "nowhere",
    "위 토큰 대신 쓸 수 있습니다. 허브에서 제출 계정을 확인하며, 한 번만 전송되고 어디에도 "
    "저장하지 "
    "않습니다"};
inline constexpr Words kHubTokenPrivate{
    "A token of the model hub is taken over TLS (https) or from the scheduler's own machine alone, "
    "because others could read it on the way here.",
    "모델 허브 토큰은 전송 중에 노출될 수 있어 TLS(https)나 스케줄러 서버에서 접속한 경우에만 "
    "받습니다."};
inline constexpr Words kKnown{"This was submitted before: nothing new was stored.",
                              "이미 제출된 모델입니다. 새로 저장하지 않았습니다."};
inline constexpr Words kStoredAs{"Already stored as", "이미 저장된 요청:"};
inline constexpr Words kWouldRun{"What it costs, where it would run, and when",
                                 "비용, 배정, 예상 시작"};
inline constexpr Words kTasks{"Tasks", "과제 수"};
inline constexpr Words kPromptTokens{"Prompt tokens, about", "프롬프트 토큰 수(약)"};
inline constexpr Words kRunsFor{"Runs for about", "예상 실행 시간"};
inline constexpr Words kMemory{"Memory needed", "필요 메모리"};
inline constexpr Words kPlacement{"Placement", "배정"};
inline constexpr Words kAhead{"Requests ahead", "앞선 요청"};
inline constexpr Words kStart{"Starts in about", "예상 시작까지"};
inline constexpr Words kStartNow{"at once", "바로 시작"};
inline constexpr Words kStartUnknown{"not known", "알 수 없음"};
inline constexpr Words kCheck{"Check only", "검사만 하기"};
inline constexpr Words kSend{"Check and submit", "검사 후 제출"};
inline constexpr Words kChecked{"The checks found nothing that would stop it.",
                                "제출을 막을 문제가 없습니다."};
inline constexpr Words kRefused{"It cannot be submitted like this.",
                                "이대로는 제출할 수 없습니다."};
inline constexpr Words kBusy{"Checking… this can take two minutes.",
                             "검사 중입니다. 최대 2분쯤 걸립니다."};
inline constexpr Words kError{"Error", "오류"};
inline constexpr Words kWarning{"Warning", "주의"};
inline constexpr Words kRequired{"required", "필수"};
inline constexpr Words kUseChat{"Use the model's chat template", "모델의 채팅 템플릿 사용"};
inline constexpr Words kStoredDtype{"Type of the weights", "가중치 자료형"};
inline constexpr Words kContextLength{"Context length", "문맥 길이"};
inline constexpr Words kVocabulary{"Vocabulary", "어휘 수"};
inline constexpr Words kCommit{"Commit", "커밋"};
inline constexpr Words kFacts{"What the checks read", "검사에서 읽은 정보"};

// Errors.
inline constexpr Words kNotFound{"There is no such page", "페이지를 찾을 수 없습니다"};
inline constexpr Words kNeedToken{"This board needs a token", "토큰이 필요합니다"};
inline constexpr Words kFailedPage{"That did not work", "처리하지 못했습니다"};
inline constexpr Words kBack{"Back to the leaderboard", "리더보드로 돌아가기"};

}  // namespace koeval::web::texts
