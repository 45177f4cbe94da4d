// Reasons and remedies in both languages.
#include "scheduler/web/reasons.h"

#include <array>
#include <charconv>
#include <utility>

#include "common/base/check.h"
#include "common/base/endings.h"

namespace koeval::web {
namespace {

constexpr std::string_view kBefore = " Before: ";

struct EndingEntry {
  Ending ending;
  Words meaning;
  const char* remedy_ko;  // of EndingInfo::submitter_text
};

constexpr std::array kEndings = {
    EndingEntry{
        Ending::kFinished, {"It was evaluated.", "평가를 마쳤습니다."}, "할 일이 없습니다."},
    EndingEntry{Ending::kCancelled,
                {"It was cancelled.", "취소되었습니다."},
                "다시 실행하려면 재시도하세요."},
    EndingEntry{Ending::kModelNotFound,
                {"There is no such model.", "모델을 찾을 수 없습니다."},
                "모델 이름과 리비전을 확인하고 공개한 뒤 재시도하세요."},
    EndingEntry{Ending::kRevisionNotFound,
                {"The model has no such revision.", "모델에 그런 리비전이 없습니다."},
                "저장소에 있는 브랜치, 태그 또는 커밋으로 제출하세요."},
    EndingEntry{Ending::kModelGated,
                {"The model is private or gated.", "비공개이거나 접근이 제한된 모델입니다."},
                "모델을 공개하거나 리더보드 계정의 접근을 허용한 뒤 재시도하세요."},
    EndingEntry{
        Ending::kDoNotSubmit,
        {"This leaderboard does not take the model.", "이 리더보드가 받지 않는 모델입니다."},
        "다른 모델을 제출하세요. 사유는 메시지에 있습니다."},
    EndingEntry{Ending::kLicenseNotOpen,
                {"This leaderboard does not accept the model's licence.",
                 "이 리더보드가 허용하지 않는 라이선스입니다."},
                "README.md 머리말에 허용되는 라이선스를 적어 주세요."},
    EndingEntry{Ending::kModelCardTooShort,
                {"The model card says too little.", "모델 설명이 부족합니다."},
                "README.md에 모델 설명을 쓴 뒤 다시 제출하세요."},
    EndingEntry{Ending::kAdapterNotSupported,
                {"Adapters and delta weights cannot be evaluated.",
                 "어댑터나 델타 가중치는 평가할 수 없습니다."},
                "어댑터나 델타를 기반 모델에 병합해 별도 저장소로 공개한 뒤 제출하세요."},
    EndingEntry{Ending::kRemoteCodeRequired,
                {"The model needs code of its own, which is never run here.",
                 "자체 코드가 필요한 모델입니다. 그런 코드는 여기에서 실행하지 않습니다."},
                "자체 코드가 필요 없는 아키텍처로 공개한 뒤 다시 제출하세요."},
    EndingEntry{
        Ending::kNoSafetensors,
        {"The repository has no safetensors weights.", "저장소에 safetensors 가중치가 없습니다."},
        "저장소에 safetensors 가중치를 추가한 뒤 재시도하세요."},
    EndingEntry{Ending::kUnsupportedArchitecture,
                {"The architecture is not supported.", "지원하지 않는 아키텍처입니다."},
                "지원하는 아키텍처의 모델을 제출하세요. 목록은 메시지에 있습니다."},
    EndingEntry{Ending::kBadCheckpoint,
                {"The model's files do not fit together or are damaged.",
                 "모델 파일이 손상되었거나 서로 맞지 않습니다."},
                "메시지에 나온 파일을 고쳐 올린 뒤 재시도하세요."},
    EndingEntry{Ending::kBadTokenizer,
                {"The tokenizer cannot be used.", "토크나이저를 사용할 수 없습니다."},
                "메시지에 나온 토크나이저 파일을 고쳐 올린 뒤 재시도하세요."},
    EndingEntry{Ending::kTaskInvalid,
                {"A task of the suite is wrong.", "평가 세트의 과제 정의에 오류가 있습니다."},
                "평가 세트를 고쳐야 하니 리더보드 운영자에게 알려 주세요."},
    EndingEntry{Ending::kDatasetUnavailable,
                {"A dataset of the suite is not there.", "평가 세트의 데이터셋이 없습니다."},
                "운영자가 데이터셋을 복구할 때까지 기다려 주세요."},
    EndingEntry{
        Ending::kEmptyContinuation,
        {"The tokenizer leaves nothing of an answer.", "토크나이저를 거치면 답안이 비게 됩니다."},
        "토크나이저가 메시지에 나온 텍스트를 버리는지 확인하세요."},
    EndingEntry{Ending::kContextTooShort,
                {"The model's context is too short for a task.",
                 "모델의 문맥 길이가 과제에 비해 짧습니다."},
                "메시지에 나온 길이보다 문맥이 긴 모델을 제출하세요."},
    EndingEntry{Ending::kInfeasible,
                {"It cannot be run here as it was submitted.",
                 "제출한 그대로는 여기에서 실행할 수 없습니다."},
                "메시지에 나온 것(더 작은 모델, 더 낮은 정밀도, 제한)을 바꿔 다시 제출하세요."},
    EndingEntry{Ending::kOutOfMemory,
                {"The slot's memory was not enough.", "슬롯의 메모리가 부족했습니다."},
                "더 낮은 정밀도나 더 작은 모델을 써 보세요."},
    EndingEntry{Ending::kNumericalFault,
                {"The model yields numbers that are none.",
                 "모델이 수가 아닌 값(NaN)이나 무한대를 출력했습니다."},
                "모델이 NaN이나 무한대를 출력합니다. float32를 쓰거나 가중치를 고쳐 주세요."},
    EndingEntry{Ending::kRunnerCrashed,
                {"The evaluating process crashed.", "평가 프로세스가 비정상 종료되었습니다."},
                "`koeval eval`로 재현해 본 뒤 운영자에게 알려 주세요."},
    EndingEntry{Ending::kNoProgress,
                {"The evaluation did not get on.", "평가가 더 진행되지 않았습니다."},
                "`koeval eval`로 재현해 본 뒤 운영자에게 알려 주세요."},
    EndingEntry{Ending::kTimedOut,
                {"It ran longer than its time limit.", "시간 제한을 넘겼습니다."},
                "시간 제한을 늘리거나 --limit으로 다시 제출하세요."},
    EndingEntry{Ending::kPlanMismatch,
                {"Two workers planned it differently.", "작업 노드마다 평가 계획이 달랐습니다."},
                "운영자에게 알려 주세요. 요청 자체에는 문제가 없습니다."},
    EndingEntry{Ending::kWorkerLost,
                {"The connection to the worker was lost.", "작업 노드와 연결이 끊겼습니다."},
                "재시도하세요. 반복되면 운영자에게 알려 주세요."},
    EndingEntry{Ending::kDiskFull,
                {"The worker had no room left on its disk.", "작업 노드의 디스크가 가득 찼습니다."},
                "운영자가 공간을 확보할 때까지 기다려 주세요."},
    EndingEntry{Ending::kHubUnavailable,
                {"The model hub did not answer.", "모델 허브가 응답하지 않았습니다."},
                "모델 허브가 다시 응답하면 재시도하세요."},
    EndingEntry{Ending::kHandedBack,
                {"The worker handed it back.", "작업 노드가 작업을 반환했습니다."},
                "할 일이 없습니다."},
    EndingEntry{Ending::kInternal,
                {"Something went wrong on this side.", "리더보드 쪽에서 오류가 발생했습니다."},
                "요청 ID와 함께 운영자에게 알려 주세요."},
};

struct SentenceEntry {
  core::Sentence sentence;
  std::string_view korean;
};

using enum core::Sentence;

constexpr std::array kSentences = {
    SentenceEntry{kChecksWait, "제출 검사를 기다리고 있습니다."},
    SentenceEntry{kChecksRun, "제출 검사가 진행 중입니다."},
    SentenceEntry{
        kHubSilent,
        "모델 허브가 응답하지 않아 {0} 뒤에 제출 검사를 다시 시도합니다({2}번 중 {1}번째)."},
    SentenceEntry{kDispatchPaused,
                  "운영자가 작업 배정을 멈췄습니다. 운영자가 다시 시작해야 합니다."},
    SentenceEntry{kNoWorker, "작업을 받을 수 있는 작업 노드가 연결되어 있지 않습니다."},
    SentenceEntry{kNoWorkerOfClass,
                  "이번 회차는 하드웨어 등급 '{0}'에서 실행되는데, 연결된 작업 노드 중에 그 등급이 "
                  "없습니다."},
    SentenceEntry{kTooLargeForSlots,
                  "모델에 메모리 {0}가 필요한데 가장 큰 슬롯이 {1}입니다. 더 큰 슬롯이 연결되지 "
                  "않으면 실패합니다."},
    SentenceEntry{kWaitsForSlot, "빈 슬롯을 기다리고 있습니다. 앞선 요청 {0}건."},
    SentenceEntry{kWaitsForLargeSlot,
                  "메모리 {0} 이상의 빈 슬롯을 기다리고 있습니다. 앞선 요청 {1}건."},
    SentenceEntry{kPlanRuns, "실행 중입니다. 작업 노드가 계획을 만들고 있습니다."},
    SentenceEntry{kBatchesRun,
                  "실행 중입니다. 배치 {1}개 중 {0}개를 저장했고, {2}개 구간을 처리하고 있습니다."},
    SentenceEntry{kScoreRuns, "모든 배치를 저장했고 점수를 계산하고 있습니다."},
    SentenceEntry{kWouldWaitPaused, "기다리게 됩니다. 운영자가 작업 배정을 멈췄습니다."},
    SentenceEntry{kWouldWaitForWorker,
                  "기다리게 됩니다. 작업을 받을 수 있는 작업 노드가 연결되어 있지 않습니다."},
    SentenceEntry{kWouldStart, "빈 슬롯이 있어 바로 시작합니다."},
    SentenceEntry{kWouldWaitForSlot, "슬롯이 빌 때까지 기다리게 됩니다. 앞선 요청 {0}건."},
    SentenceEntry{kLargestSlot,
                  "모델에 메모리 {0}가 필요한데({1}) 가장 큰 슬롯이 {2}입니다(작업 노드 {3}, 슬롯 "
                  "{4})."},
    SentenceEntry{kPlanTasks, "계획의 과제가 {0}개로, plan_tasks_max인 {1}개를 넘습니다."},
    SentenceEntry{kPlanBatches, "계획의 배치가 batches_max인 {0}개를 넘습니다."},
    SentenceEntry{kPlanWithoutDigest, "계획에 다이제스트가 없습니다."},
    SentenceEntry{kPlanNegative, "과제 '{0}'의 계획이 음수입니다."},
    SentenceEntry{kPlanEmpty, "계획에 배치가 없습니다."},
    SentenceEntry{kPlanNotAsked, "배치를 맡은 작업에 계획이 왔습니다."},
    SentenceEntry{kBadBatch, "작업 노드 {0}: 배치 {1}번이 비어 있거나 맡은 범위 밖입니다."},
    SentenceEntry{kOtherPlan, "작업 노드 {0}의 계획이 처음 계획과 다릅니다."},
    SentenceEntry{kRanOnOtherClass,
                  "작업 노드 {0}의 하드웨어 등급은 '{1}'인데 이번 회차의 등급은 '{2}'입니다."},
    SentenceEntry{kEndedUnfinished, "작업 노드 {0}: 결과를 다 보내지 않고 작업을 끝냈습니다."},
    SentenceEntry{kEndedAs, "작업 노드 {0}: 작업을 '{1}' 상태로 끝냈습니다."},
    SentenceEntry{kNoHeartbeat, "작업 노드 {0}: 제때 신호를 보내지 않았습니다."},
    SentenceEntry{kNotBackAfterRestart, "작업 노드 {0}: 재시작 뒤에 다시 연결되지 않았습니다."},
    SentenceEntry{kBackWithout, "작업 노드 {0}: 이 작업 없이 다시 연결되었습니다."},
    SentenceEntry{kTimeLimit, "시간 제한인 {0}ms 동안 실행되었습니다."},
    SentenceEntry{kNoSlotToGoOn, "이어서 실행할 빈 슬롯이 없었습니다."},
    SentenceEntry{kClassGone,
                  "하드웨어 등급 '{0}'의 작업 노드가 더는 없어 다른 등급에서 처음부터 다시 "
                  "시작합니다."},
    SentenceEntry{kCancelledBy, "{0} 님이 취소했습니다."},
    SentenceEntry{kChecksSilent, "제출 검사를 {0}번({1}ms씩) 요청했지만 답이 없었습니다."},
    SentenceEntry{kScoreSilent, "점수 계산이 {0}ms 안에 끝나지 않았습니다."},
    SentenceEntry{kFailedAlike, "{0} (같은 이유로 {1}번 실패했고 이것이 마지막입니다.)"},
    SentenceEntry{kAskedTimes, "{1} 동안 {0}번 요청했습니다. {2}"},
    SentenceEntry{kWorkerSays, "작업 노드 {0}: {1}"},
    SentenceEntry{kUseBfloat16, "정밀도 bfloat16으로 제출하세요. 그러면 약 {0}가 필요합니다."},
    SentenceEntry{kUseSmallerModel,
                  "더 작은 모델을 제출하거나, 운영자에게 {0} 이상의 슬롯을 요청하세요."},
    SentenceEntry{kUseLimit, "문항 수를 제한해 제출하세요."},
    SentenceEntry{kRetryOrAsk,
                  "재시도하세요. 반복되면 운영자에게 스케줄러 로그를 확인해 달라고 하세요."},
};

constexpr bool TablesAreInOrder() {
  for (size_t i = 0; i < kEndings.size(); ++i) {
    if (kEndings[i].ending != static_cast<Ending>(i)) return false;
  }
  for (size_t i = 0; i < kSentences.size(); ++i) {
    if (kSentences[i].sentence != static_cast<core::Sentence>(i)) return false;
  }
  return kEndings.size() == static_cast<size_t>(Ending::kInternal) + 1 &&
         kSentences.size() == static_cast<size_t>(kRetryOrAsk) + 1;
}
static_assert(TablesAreInOrder(), "one row for each ending and sentence, in their order");

Markup Aside(std::string_view english) {
  Html html;
  html.Add(R"(<span lang="en" class="detail">{}</span>)", english);
  return html.Take();
}

// Reasons within reasons that are looked into; deeper ones stay in English.
constexpr int kDepthMax = 4;

Markup Korean(std::string_view reason, int depth = 0);

// The Korean sentence, with values that are sentences themselves in Korean too.
Markup Korean(const core::Said& said, int depth) {
  const auto within = core::ReasonWithin(said.sentence);
  std::string_view rest = KoreanSentence(said.sentence);
  Html html;
  for (size_t open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
    html.AddText(rest.substr(0, open));
    size_t index = 0;
    const char* digits = rest.data() + open + 1;
    const char* end = std::from_chars(digits, rest.data() + rest.size(), index).ptr;
    const std::string& value = said.values.at(index);
    if (within == index) {
      html.Add("{}", Korean(value, depth + 1));
    } else {
      html.AddText(value);
    }
    rest.remove_prefix(static_cast<size_t>(end - rest.data()) + 1);
  }
  html.AddText(rest);
  return html.Take();
}

// A reason without what went before it.
Markup Korean(std::string_view reason, int depth) {
  if (depth > kDepthMax) return Aside(reason);
  if (const auto said = core::Recognise(reason)) return Korean(*said, depth);
  const size_t colon = reason.find(": ");
  const auto ending = TextOfEnding(reason.substr(0, colon));
  if (colon == std::string_view::npos || !ending) return Aside(reason);
  Html html;
  html.Add("{} {}", ending->meaning.In(Language::kKorean),
           Korean(reason.substr(colon + 2), depth + 1));
  return html.Take();
}

Markup Plain(std::string_view text) {
  Html html;
  html.AddText(text);
  return html.Take();
}

}  // namespace

std::optional<EndingText> TextOfEnding(std::string_view name) {
  const auto ending = ParseEnding(name);
  if (!ending) return std::nullopt;
  const EndingEntry& entry = kEndings.at(static_cast<size_t>(*ending));
  // Of a literal, so that it ends with a zero.
  return EndingText{entry.meaning, {InfoOf(*ending).submitter_text.data(), entry.remedy_ko}};
}

std::string_view KoreanSentence(core::Sentence sentence) {
  return kSentences.at(static_cast<size_t>(sentence)).korean;
}

Markup ReasonText(std::string_view reason, Language language) {
  if (language == Language::kEnglish || reason.empty()) return Plain(reason);
  const size_t before = reason.find(kBefore);
  if (before == std::string_view::npos) return Korean(reason);
  Html html;
  html.Add("{} 이전: {}", Korean(reason.substr(0, before)),
           Korean(reason.substr(before + kBefore.size())));
  return html.Take();
}

Markup RemedyText(std::string_view ending, std::string_view stored, Language language) {
  const auto text = TextOfEnding(ending);
  if (language == Language::kEnglish || stored.empty()) return Plain(stored);
  if (const auto said = core::Recognise(stored)) return Korean(*said, 0);
  if (!text) return Aside(stored);
  Html html;
  html.AddText(text->remedy.In(Language::kKorean));
  if (stored != text->remedy.In(Language::kEnglish)) html.Add(" {}", Aside(stored));
  return html.Take();
}

Markup EndingLabel(std::string_view ending, Language language) {
  Html html;
  html.Add("<code>{}</code>", ending);
  if (const auto text = TextOfEnding(ending)) html.Add(" {}", text->meaning.In(language));
  return html.Take();
}

}  // namespace koeval::web
