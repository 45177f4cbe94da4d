// The syntax tree of a template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/evaluation/python_value.h"

namespace koeval::evaluation {

// Where something stands in a template: both count from 1, columns in code points.
struct Place {
  int line = 1;
  int column = 1;
};

struct Expr;
using ExprPtr = std::unique_ptr<const Expr>;

struct Expr {
  enum class Kind {
    kLiteral,      // literal
    kName,         // text
    kList,         // operands
    kTuple,        // operands
    kDict,         // operands: key, value, key, value, ...
    kAttribute,    // operands[0] . text
    kItem,         // operands[0] [ operands[1] ]
    kSlice,        // operands[0] [ operands[1] : operands[2] : operands[3] ], null where left out
    kCall,         // operands[0] ( the rest, named )
    kFilter,       // operands[0] | text ( the rest, named )
    kTest,         // operands[0] is text ( the rest )
    kNot,          // not operands[0]
    kSign,         // text operands[0]
    kBinary,       // operands[0] text operands[1]
    kCompare,      // operands joined by operators
    kAnd,          // operands[0] and operands[1]
    kOr,           // operands[0] or operands[1]
    kConcat,       // operands joined by ~
    kConditional,  // operands[1] if operands[0] else operands[2], which may be null
  };

  Kind kind = Kind::kLiteral;
  Place place;
  Value literal;
  std::string text;
  std::vector<ExprPtr> operands;
  std::vector<std::pair<std::string, ExprPtr>> named;
  std::vector<std::string> operators;
};

struct Statement;
using Body = std::vector<std::unique_ptr<const Statement>>;

// What is assigned: one name, several, or a member of a namespace.
struct Target {
  std::vector<std::string> names;
  std::string member;  // of names[0]; empty for plain names
  bool unpack = false;
};

// The name by which the filters of a block refer to the block's text. No template can write it.
inline constexpr const char* kBlockText = "";

struct Statement {
  enum class Kind {
    kText,      // text
    kOutput,    // {{ exprs[0] }}
    kIf,        // exprs[i] guards bodies[i]; a further body is the else
    kFor,       // target in exprs[0], exprs[1] filters when there; bodies: loop, else
    kSet,       // target = exprs[0]
    kSetBlock,  // target = the text of bodies[0], or exprs[0] over it
    // Those of chat templates alone:
    kFilterBlock,  // exprs[0] over the text of bodies[0]
    kWith,         // bodies[0] in a scope of its own, where target.names are exprs
    kMacro,        // text ( target.names ): bodies[0]; exprs are the last names' defaults
    kCallBlock,    // {% call exprs.back() %}; caller() is a macro, written as kMacro is
    kBreak,
    kContinue,
  };

  Kind kind = Kind::kText;
  Place place;
  std::string text;
  std::vector<ExprPtr> exprs;
  std::vector<Body> bodies;
  Target target;
  bool recursive = false;  // kFor: loop() runs it again over other items
};

}  // namespace koeval::evaluation
