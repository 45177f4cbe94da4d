// The tables of transformers 5.23 (models/auto/tokenization_auto.py) and 4.36, as far as they
// concern causal language models.
#include "common/tokenizer/transformers_tables.h"

#include <algorithm>
#include <array>
#include <utility>

namespace koeval::tokenizer {
namespace {

constexpr std::string_view kBackend = "TokenizersBackend";

using Entry = std::pair<std::string_view, std::string_view>;

// Types that are absent have no class.
constexpr std::array kRegistered5 = {Entry{"bart", "RobertaTokenizer"},
                                     Entry{"beam", kBackend},
                                     Entry{"bert", "BertTokenizer"},
                                     Entry{"bert-generation", "BertGenerationTokenizer"},
                                     Entry{"big_bird", "BigBirdTokenizer"},
                                     Entry{"bigbird_pegasus", kBackend},
                                     Entry{"biogpt", "BioGptTokenizer"},
                                     Entry{"blenderbot", "BlenderbotTokenizer"},
                                     Entry{"blenderbot-small", "BlenderbotSmallTokenizer"},
                                     Entry{"camembert", "CamembertTokenizer"},
                                     Entry{"code_llama", "CodeLlamaTokenizer"},
                                     Entry{"codegen", "GPT2Tokenizer"},
                                     Entry{"cohere", "CohereTokenizer"},
                                     Entry{"cohere2", "CohereTokenizer"},
                                     Entry{"cpmant", "CpmAntTokenizer"},
                                     Entry{"ctrl", "CTRLTokenizer"},
                                     Entry{"data2vec-text", "RobertaTokenizer"},
                                     Entry{"dbrx", "GPT2Tokenizer"},
                                     Entry{"dots3_note", "Qwen2Tokenizer"},
                                     Entry{"electra", "BertTokenizer"},
                                     Entry{"emu3", "GPT2Tokenizer"},
                                     Entry{"ernie", "BertTokenizer"},
                                     Entry{"falcon_mamba", "GPTNeoXTokenizer"},
                                     Entry{"flex_olmo", kBackend},
                                     Entry{"gemma", "GemmaTokenizer"},
                                     Entry{"gemma2", "GemmaTokenizer"},
                                     Entry{"gemma3", "GemmaTokenizer"},
                                     Entry{"gemma3_text", "GemmaTokenizer"},
                                     Entry{"gemma3n", "GemmaTokenizer"},
                                     Entry{"gemma3n_text", "GemmaTokenizer"},
                                     Entry{"git", "BertTokenizer"},
                                     Entry{"glm", kBackend},
                                     Entry{"glm4", kBackend},
                                     Entry{"glm4_moe", kBackend},
                                     Entry{"glm4_moe_lite", kBackend},
                                     Entry{"got_ocr2", kBackend},
                                     Entry{"gpt-sw3", "GPTSw3Tokenizer"},
                                     Entry{"gpt2", "GPT2Tokenizer"},
                                     Entry{"gpt_bigcode", kBackend},
                                     Entry{"gpt_neo", "GPT2Tokenizer"},
                                     Entry{"gpt_neox", "GPTNeoXTokenizer"},
                                     Entry{"gpt_neox_japanese", "GPTNeoXJapaneseTokenizer"},
                                     Entry{"gptj", "GPT2Tokenizer"},
                                     Entry{"granite", kBackend},
                                     Entry{"granitemoe", kBackend},
                                     Entry{"granitemoehybrid", kBackend},
                                     Entry{"granitemoeshared", kBackend},
                                     Entry{"jais2", "GPT2Tokenizer"},
                                     Entry{"kimi_linear", kBackend},
                                     Entry{"mamba", "GPTNeoXTokenizer"},
                                     Entry{"mamba2", "GPTNeoXTokenizer"},
                                     Entry{"marian", "MarianTokenizer"},
                                     Entry{"mbart", "MBartTokenizer"},
                                     Entry{"megatron-bert", "BertTokenizer"},
                                     Entry{"mimo_v2_flash", kBackend},
                                     Entry{"ministral", kBackend},
                                     Entry{"ministral3", kBackend},
                                     Entry{"mistral", kBackend},
                                     Entry{"mistral3", kBackend},
                                     Entry{"mixtral", kBackend},
                                     Entry{"moss_transcribe_diarize", "Qwen2Tokenizer"},
                                     Entry{"mpt", "GPTNeoXTokenizer"},
                                     Entry{"musicgen", "T5Tokenizer"},
                                     Entry{"musicgen_melody", "T5Tokenizer"},
                                     Entry{"mvp", "MvpTokenizer"},
                                     Entry{"olmo", "GPTNeoXTokenizer"},
                                     Entry{"olmo2", kBackend},
                                     Entry{"olmo3", kBackend},
                                     Entry{"olmo_hybrid", kBackend},
                                     Entry{"olmoe", "GPTNeoXTokenizer"},
                                     Entry{"openai-gpt", "OpenAIGPTTokenizer"},
                                     Entry{"opt", "GPT2Tokenizer"},
                                     Entry{"pegasus", "PegasusTokenizer"},
                                     Entry{"persimmon", kBackend},
                                     Entry{"phi", "GPT2Tokenizer"},
                                     Entry{"plbart", "PLBartTokenizer"},
                                     Entry{"prophetnet", "ProphetNetTokenizer"},
                                     Entry{"qwen2", "Qwen2Tokenizer"},
                                     Entry{"qwen2_moe", "Qwen2Tokenizer"},
                                     Entry{"qwen3", "Qwen2Tokenizer"},
                                     Entry{"qwen3_5", "Qwen3_5Tokenizer"},
                                     Entry{"qwen3_5_moe", "Qwen3_5Tokenizer"},
                                     Entry{"qwen3_5_moe_text", "Qwen3_5Tokenizer"},
                                     Entry{"qwen3_5_text", "Qwen3_5Tokenizer"},
                                     Entry{"qwen3_moe", "Qwen2Tokenizer"},
                                     Entry{"qwen3_next", "Qwen2Tokenizer"},
                                     Entry{"qwen4_exp", "Qwen3_5Tokenizer"},
                                     Entry{"recurrent_gemma", "GemmaTokenizer"},
                                     Entry{"reformer", "ReformerTokenizer"},
                                     Entry{"rembert", "RemBertTokenizer"},
                                     Entry{"roberta", "RobertaTokenizer"},
                                     Entry{"roberta-prelayernorm", "RobertaTokenizer"},
                                     Entry{"roc_bert", "RoCBertTokenizer"},
                                     Entry{"roformer", "RoFormerTokenizer"},
                                     Entry{"rwkv", "GPTNeoXTokenizer"},
                                     Entry{"stablelm", kBackend},
                                     Entry{"starcoder2", "GPT2Tokenizer"},
                                     Entry{"t5", "T5Tokenizer"},
                                     Entry{"trocr", "XLMRobertaTokenizer"},
                                     Entry{"whisper", "WhisperTokenizer"},
                                     Entry{"xglm", "XGLMTokenizer"},
                                     Entry{"xlm", "XLMTokenizer"},
                                     Entry{"xlm-roberta", "XLMRobertaTokenizer"},
                                     Entry{"xlm-roberta-xl", kBackend},
                                     Entry{"xlnet", "XLNetTokenizer"},
                                     Entry{"xlstm", "GPTNeoXTokenizer"},
                                     Entry{"xmod", "XLMRobertaTokenizer"},
                                     Entry{"zaya", "GemmaTokenizer"}};

constexpr auto kDeclaredIsWrong = std::to_array<std::string_view>({"arctic",
                                                                   "camembertv2-base",
                                                                   "chatlm",
                                                                   "cohere_asr",
                                                                   "ernie4_5",
                                                                   "ernie4_5_moe",
                                                                   "fuyu",
                                                                   "h2ovl_chat",
                                                                   "hyperclovax",
                                                                   "hyperclovax_vision_v2",
                                                                   "hyperclovax_vlm",
                                                                   "internlm2",
                                                                   "internlm3",
                                                                   "iquestcoder",
                                                                   "jamba",
                                                                   "llava",
                                                                   "llava_next",
                                                                   "minicpm3",
                                                                   "minicpmv",
                                                                   "minimax_m2",
                                                                   "modernbert",
                                                                   "modernbert-decoder",
                                                                   "molmo",
                                                                   "molmo2",
                                                                   "nemotron",
                                                                   "nvfp4",
                                                                   "opencua",
                                                                   "openvla",
                                                                   "paddleocr_vl",
                                                                   "phi3",
                                                                   "phi3_v",
                                                                   "phimoe",
                                                                   "qwen2",
                                                                   "qwen3_5",
                                                                   "qwen3_5_moe",
                                                                   "qwen3_5_moe_text",
                                                                   "qwen4_exp",
                                                                   "siglip2",
                                                                   "smolvlm",
                                                                   "step3_vl",
                                                                   "vipllava"});

constexpr std::array kRegistered4 = {
    Entry{"codegen", "CodeGenTokenizer"},  Entry{"cohere", "CohereTokenizer"},
    Entry{"gemma", "GemmaTokenizer"},      Entry{"gemma2", "GemmaTokenizer"},
    Entry{"gpt2", "GPT2Tokenizer"},        Entry{"gpt_neo", "GPT2Tokenizer"},
    Entry{"gpt_neox", "GPTNeoXTokenizer"}, Entry{"gptj", "GPT2Tokenizer"},
    Entry{"llama", "LlamaTokenizer"},      Entry{"mistral", "LlamaTokenizer"},
    Entry{"mixtral", "LlamaTokenizer"},    Entry{"opt", "GPT2Tokenizer"},
    Entry{"phi", "CodeGenTokenizer"}};

constexpr auto kUnsupported5 = std::to_array<std::string_view>({"AlbertTokenizer",
                                                                "BartTokenizer",
                                                                "BarthezTokenizer",
                                                                "BartphoTokenizer",
                                                                "BertGenerationTokenizer",
                                                                "BertJapaneseTokenizer",
                                                                "BertweetTokenizer",
                                                                "BigBirdTokenizer",
                                                                "BioGptTokenizer",
                                                                "BlenderbotSmallTokenizer",
                                                                "BlenderbotTokenizer",
                                                                "ByT5Tokenizer",
                                                                "CLIPTokenizer",
                                                                "CTRLTokenizer",
                                                                "CamembertTokenizer",
                                                                "CanineTokenizer",
                                                                "CpmAntTokenizer",
                                                                "CpmTokenizer",
                                                                "DebertaTokenizer",
                                                                "DebertaV2Tokenizer",
                                                                "DiaTokenizer",
                                                                "DistilBertTokenizer",
                                                                "EsmTokenizer",
                                                                "EsmcTokenizer",
                                                                "FNetTokenizer",
                                                                "FSMTTokenizer",
                                                                "FlaubertTokenizer",
                                                                "FunnelTokenizer",
                                                                "GPTNeoXJapaneseTokenizer",
                                                                "GPTSw3Tokenizer",
                                                                "HerbertTokenizer",
                                                                "LEDTokenizer",
                                                                "LasrTokenizer",
                                                                "LayoutLMv2Tokenizer",
                                                                "LayoutLMv3Tokenizer",
                                                                "LayoutXLMTokenizer",
                                                                "LukeTokenizer",
                                                                "LxmertTokenizer",
                                                                "M2M100Tokenizer",
                                                                "MBart50Tokenizer",
                                                                "MBartTokenizer",
                                                                "MLukeTokenizer",
                                                                "MPNetTokenizer",
                                                                "MarianTokenizer",
                                                                "MarkupLMTokenizer",
                                                                "MvpTokenizer",
                                                                "MyT5Tokenizer",
                                                                "NllbTokenizer",
                                                                "NougatTokenizer",
                                                                "OpenAIGPTTokenizer",
                                                                "PLBartTokenizer",
                                                                "ParakeetTokenizer",
                                                                "PegasusTokenizer",
                                                                "PerceiverTokenizer",
                                                                "PhobertTokenizer",
                                                                "ProphetNetTokenizer",
                                                                "ReformerTokenizer",
                                                                "RemBertTokenizer",
                                                                "RoCBertTokenizer",
                                                                "RoFormerTokenizer",
                                                                "SeamlessM4TTokenizer",
                                                                "Siglip2Tokenizer",
                                                                "SiglipTokenizer",
                                                                "Speech2TextTokenizer",
                                                                "SpeechT5Tokenizer",
                                                                "SplinterTokenizer",
                                                                "TapasTokenizer",
                                                                "Tipsv2Tokenizer",
                                                                "UdopTokenizer",
                                                                "VideoPrismTokenizer",
                                                                "WhisperTokenizer",
                                                                "XLMRobertaTokenizer",
                                                                "XLMTokenizer",
                                                                "XLNetTokenizer"});

template <typename Table>
std::string_view Lookup(const Table& table, std::string_view key) {
  const auto it = std::find_if(table.begin(), table.end(),
                               [&](const auto& entry) { return entry.first == key; });
  return it == table.end() ? std::string_view() : it->second;
}

template <typename Table>
bool Contains(const Table& table, std::string_view key) {
  return std::find(table.begin(), table.end(), key) != table.end();
}

}  // namespace

std::string_view RegisteredClass5(std::string_view model_type) {
  const std::string_view name = Lookup(kRegistered5, model_type);
  return name.empty() && IsDeclaredClassWrong(model_type) ? kBackend : name;
}

std::string_view RegisteredClass4(std::string_view model_type) {
  return Lookup(kRegistered4, model_type);
}

bool IsDeclaredClassWrong(std::string_view model_type) {
  return Contains(kDeclaredIsWrong, model_type);
}

bool IsUnsupportedClass5(std::string_view name) {
  return Contains(kUnsupported5, name);
}

}  // namespace koeval::tokenizer
