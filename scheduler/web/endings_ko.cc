// The endings in Korean.
#include "scheduler/web/endings_ko.h"

#include <array>
#include <utility>

#include "common/base/endings.h"

namespace koeval::web {
namespace {

struct Entry {
  Ending ending;
  EndingKo text;
};

constexpr std::array kEntries = {
    Entry{Ending::kFinished, {"완료", "할 일이 없습니다."}},
    Entry{Ending::kCancelled, {"취소됨", "다시 실행하려면 재시도하세요."}},
    Entry{Ending::kModelNotFound,
          {"모델을 찾을 수 없음", "모델 이름과 리비전을 확인하고 공개한 뒤 재시도하세요."}},
    Entry{Ending::kRevisionNotFound,
          {"리비전을 찾을 수 없음", "저장소에 있는 브랜치, 태그 또는 커밋으로 제출하세요."}},
    Entry{
        Ending::kModelGated,
        {"접근이 제한된 모델", "모델을 공개하거나 리더보드 계정의 접근을 허용한 뒤 재시도하세요."}},
    Entry{Ending::kDoNotSubmit,
          {"제출이 제한된 모델", "다른 모델을 제출하세요. 사유는 메시지에 있습니다."}},
    Entry{Ending::kLicenseNotOpen,
          {"허용되지 않는 라이선스", "README.md 머리말에 허용되는 라이선스를 적어 주세요."}},
    Entry{Ending::kModelCardTooShort,
          {"모델 설명 부족", "README.md에 모델 설명을 쓴 뒤 다시 제출하세요."}},
    Entry{Ending::kAdapterNotSupported,
          {"어댑터 미지원",
           "어댑터나 델타를 기반 모델에 병합해 별도 저장소로 공개한 뒤 제출하세요."}},
    Entry{
        Ending::kRemoteCodeRequired,
        {"자체 코드가 필요한 모델", "자체 코드가 필요 없는 아키텍처로 공개한 뒤 다시 제출하세요."}},
    Entry{Ending::kNoSafetensors,
          {"safetensors 없음", "저장소에 safetensors 가중치를 추가한 뒤 재시도하세요."}},
    Entry{Ending::kUnsupportedArchitecture,
          {"지원하지 않는 아키텍처",
           "지원하는 아키텍처의 모델을 제출하세요. 목록은 메시지에 있습니다."}},
    Entry{Ending::kBadCheckpoint,
          {"가중치 파일 오류", "메시지에 나온 파일을 고쳐 올린 뒤 재시도하세요."}},
    Entry{Ending::kBadTokenizer,
          {"토크나이저 오류", "메시지에 나온 토크나이저 파일을 고쳐 올린 뒤 재시도하세요."}},
    Entry{Ending::kTaskInvalid,
          {"과제 정의 오류", "평가 세트를 고쳐야 하니 리더보드 운영자에게 알려 주세요."}},
    Entry{Ending::kDatasetUnavailable,
          {"데이터셋 없음", "운영자가 데이터셋을 복구할 때까지 기다려 주세요."}},
    Entry{Ending::kEmptyContinuation,
          {"빈 답안", "토크나이저가 메시지에 나온 텍스트를 버리는지 확인하세요."}},
    Entry{Ending::kContextTooShort,
          {"짧은 문맥 길이", "메시지에 나온 길이보다 문맥이 긴 모델을 제출하세요."}},
    Entry{Ending::kInfeasible,
          {"실행할 수 없음",
           "메시지에 나온 것(더 작은 모델, 더 낮은 정밀도, 제한)을 바꿔 다시 제출하세요."}},
    Entry{Ending::kOutOfMemory, {"메모리 부족", "더 낮은 정밀도나 더 작은 모델을 써 보세요."}},
    Entry{Ending::kNumericalFault,
          {"수치 오류",
           "모델이 NaN이나 무한대를 출력합니다. float32를 쓰거나 가중치를 고쳐 주세요."}},
    Entry{Ending::kRunnerCrashed,
          {"실행기 비정상 종료", "`koeval eval`로 재현해 본 뒤 운영자에게 알려 주세요."}},
    Entry{Ending::kNoProgress,
          {"진행 없음", "`koeval eval`로 재현해 본 뒤 운영자에게 알려 주세요."}},
    Entry{Ending::kTimedOut, {"시간 초과", "시간 제한을 늘리거나 --limit으로 다시 제출하세요."}},
    Entry{Ending::kPlanMismatch,
          {"계획 불일치", "운영자에게 알려 주세요. 요청 자체에는 문제가 없습니다."}},
    Entry{Ending::kWorkerLost,
          {"작업 노드 연결 끊김", "재시도하세요. 반복되면 운영자에게 알려 주세요."}},
    Entry{Ending::kDiskFull, {"디스크 부족", "운영자가 공간을 확보할 때까지 기다려 주세요."}},
    Entry{Ending::kHubUnavailable,
          {"모델 허브 응답 없음", "모델 허브가 다시 응답하면 재시도하세요."}},
    Entry{Ending::kHandedBack, {"반환됨", "할 일이 없습니다."}},
    Entry{Ending::kInternal, {"내부 오류", "요청 ID와 함께 운영자에게 알려 주세요."}},
};

}  // namespace

std::optional<EndingKo> KoreanEnding(std::string_view name) {
  const auto ending = ParseEnding(name);
  if (!ending) return std::nullopt;
  for (const Entry& entry : kEntries) {
    if (entry.ending == *ending) return entry.text;
  }
  return std::nullopt;
}

std::string RemedyText(std::string_view ending, std::string_view stored, Language language) {
  const auto korean = language == Language::kKorean ? KoreanEnding(ending) : std::nullopt;
  if (!korean || stored.empty()) return std::string(stored);
  std::string out(korean->remedy);
  if (stored != InfoOf(*ParseEnding(ending)).submitter_text) {
    out += " (" + std::string(stored) + ")";
  }
  return out;
}

}  // namespace koeval::web
